// `npm start -- --once` as a user without privilege, who has his own folders and none of root's rights.
import { equal, match } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { ensureRuntime } from '@caisson/host/runtime';
import { simulatorSkip } from '../scenario/backend/simulator-skip.ts';

const root = join(import.meta.dirname, '../..');
const start = join(root, 'scripts/start.ts');
// Given: Debian's nobody.
const nobody = 65_534;
const asNobody = ['--reuid', String(nobody), '--regid', String(nobody), '--clear-groups'];
const why =
  process.getuid?.() !== 0
    ? 'this user has no privilege already: test/scenario/start.test.ts is this test'
    : spawnSync('setpriv', [...asNobody, 'test', '-r', start]).status !== 0 && `another user cannot read ${start}`;
const unbuilt = !existsSync(join(root, 'packages/cli/dist/main/caisson.js')) && 'not built (npm run build)';

test('npm start -- --once holds for a user without privilege, and says what is not applied to him', {
  skip: simulatorSkip || unbuilt || why,
  timeout: 180_000,
}, async (context) => {
  const home = mkdtempSync(join(tmpdir(), 'caisson-user-'));
  context.after(() => rmSync(home, { recursive: true, force: true }));
  // What he would have fetched himself.
  const archive = await ensureRuntime();
  const cache = join(home, 'cache');
  cpSync(archive, join(cache, 'runtime', basename(dirname(archive)), basename(archive)));
  equal(spawnSync('chown', ['-R', `${nobody}:${nobody}`, home]).status, 0);
  const own = { HOME: home, TMPDIR: home, CAISSON_CACHE: cache, CAISSON_STATE: join(home, 'state') };
  const env = { ...process.env, ...own, XDG_CONFIG_HOME: join(home, 'config') };
  const words = [...asNobody, process.execPath, start, '--once', '--port', '0'];
  const { status, stdout, stderr } = spawnSync('setpriv', words, { env, cwd: root, encoding: 'utf8' });
  equal(status, 0, `${stdout}\n${stderr}`);
  match(stdout, /VERIFIED \(SIMULATED\)/);
  match(stdout, /one bit flipped +refused \(SIG\)/);
  match(stderr, /without root `User=` and `Group=` are not applied: app/);
  equal(readdirSync(join(home, 'state/enclaves')).length, 0);
});

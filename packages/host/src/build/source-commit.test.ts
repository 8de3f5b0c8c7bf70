// Which commit a source is at: only of a checkout, with whether it was changed, and without running what the checkout names.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSourceCommit } from './source-commit.ts';

const skip = spawnSync('git', ['--version']).status !== 0 && 'there is no git';

test('a checkout has its commit and a dirty flag, a plain folder has none', { skip }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-commit-'));
  context.after(() => rmSync(folder, { recursive: true }));
  assert.equal(await readSourceCommit(folder), null);
  const git = (...words: string[]): string => {
    const own = ['-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'commit.gpgsign=false'];
    const { status, stdout, stderr } = spawnSync('git', [...own, ...words], { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return stdout.trim();
  };
  mkdirSync(join(folder, 'app'));
  writeFileSync(join(folder, 'app/a'), '1');
  git('init', '-q');
  assert.equal(await readSourceCommit(folder), null, 'no commit yet');
  git('add', '.');
  git('commit', '-qm', 'one');
  const commit = git('rev-parse', 'HEAD');
  assert.deepEqual(await readSourceCommit(join(folder, 'app')), { commit, isDirty: false });
  writeFileSync(join(folder, 'beside'), '1');
  assert.equal((await readSourceCommit(join(folder, 'app')))?.isDirty, false, 'only the source counts');
  git('config', 'core.fsmonitor', `touch ${join(folder, 'app/run')}`);
  writeFileSync(join(folder, 'app/b'), '1');
  assert.deepEqual(await readSourceCommit(join(folder, 'app')), { commit, isDirty: true });
  assert.ok(!existsSync(join(folder, 'app/run')), 'looking ran nothing');
});

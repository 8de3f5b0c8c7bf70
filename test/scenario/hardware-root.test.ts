// What the hardware scripts do as root, on a machine with other users: they tell nobody a secret, write through nobody's link, and give nothing away.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { wordsForRoot } from '../../scripts/hardware/machine.ts';
import { keepResults } from '../../scripts/hardware/results.ts';
import { addHostsEntry } from '../../scripts/hardware/smoke/hosts-entry.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-root-'));
after(() => rmSync(folder, { recursive: true }));

test('what is handed to sudo as words, which every user can read, has what the scripts want and no secret', () => {
  const words = wordsForRoot({
    PATH: '/usr/bin',
    HOME: '/home/someone',
    AWS_SECRET_ACCESS_KEY: 'hidden',
    CAISSON_SMOKE_CPUS: '4',
    ARGONAUT_SMOKE_HOST: "it's here",
    CAISSON_KEY_PASSPHRASE: 'hidden',
    CAISSON_REGISTRY_PASSWORD: 'hidden',
    http_proxy: 'http://proxy:3128',
    https_proxy: 'http://someone:hidden@proxy:3128',
  });
  deepEqual(words, [
    'PATH=/usr/bin',
    'CAISSON_SMOKE_CPUS=4',
    "ARGONAUT_SMOKE_HOST=it's here",
    'http_proxy=http://proxy:3128',
  ]);
});

test('results go through no link that somebody has put there, and what was there keeps its owner', () => {
  const [results, run, aim] = [join(folder, 'results'), join(folder, 'run'), join(folder, 'aim')];
  for (const path of [results, run]) mkdirSync(path);
  writeFileSync(aim, 'of somebody else');
  writeFileSync(join(results, 'old'), 'of somebody else');
  symlinkSync(aim, join(results, 'report.txt'));
  symlinkSync(join(folder, 'none'), join(results, 'host.log'));
  writeFileSync(join(run, 'host.log'), 'log\n');
  const [before, own] = [statSync(results).uid, 4321];
  const env = { SUDO_UID: String(own), SUDO_GID: String(own) };
  keepResults({ resultsDir: results, folder: run, said: ['PASS'], env });
  equal(readFileSync(aim, 'utf8'), 'of somebody else');
  equal(readFileSync(join(results, 'report.txt'), 'utf8'), 'PASS\n');
  equal(readFileSync(join(results, 'host.log'), 'utf8'), 'log\n');
  const [deep, isRoot] = [join(folder, 'a/b'), process.getuid?.() === 0];
  keepResults({ resultsDir: deep, folder: run, said: [], env });
  const owners = [results, join(results, 'old'), aim, join(results, 'report.txt'), join(folder, 'a'), deep];
  const given = isRoot ? own : before;
  deepEqual(
    owners.map((path) => statSync(path).uid),
    [before, before, before, given, given, given],
  );
  ok(statSync(folder).uid === before);
});

test('a hosts file is never empty on its way: it stays the same file, and is cut last', () => {
  const file = join(folder, 'hosts');
  writeFileSync(file, '127.0.0.1 localhost\n');
  const { ino } = statSync(file);
  addHostsEntry('smoke.local', file)();
  deepEqual([readFileSync(file, 'utf8'), statSync(file).ino], ['127.0.0.1 localhost\n', ino]);
});

test('the scripts find themselves wherever they are called from, also where cd looks in other places and says so', () => {
  const root = join(import.meta.dirname, '../..');
  const env = { ...process.env, CDPATH: '.:/tmp', CAISSON_BENCH_BACKEND: 'none', CAISSON_SMOKE_BACKEND: 'none' };
  for (const name of ['nitro-bench', 'nitro-smoke']) {
    const { status, stderr } = spawnSync(`scripts/${name}.sh`, { cwd: root, env, encoding: 'utf8' });
    deepEqual([status, /BACKEND must be nitro, qemu or sim/.test(stderr)], [64, true], stderr);
  }
});

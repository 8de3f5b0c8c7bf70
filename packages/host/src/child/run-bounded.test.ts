// A program that is asked something ends, whatever it does, and says no more than is read.
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { laneBoundMs } from '@caisson/testkit/contract';
import { readProcessStart } from '../file/index.ts';
import { runBounded } from './index.ts';

const timeoutMs = 60_000;
const sh = (script: string, options: Partial<Parameters<typeof runBounded>[2]> = {}) =>
  runBounded('/bin/sh', ['-c', script], { timeoutMs, ...options });

test('gives words as they are to no shell, and brings back both streams and the code', async () => {
  const script = ['-c', 'printf "%s|" "$@"; echo "$WHERE" >&2; exit 3', 'x', 'a b', '$HOME;true'];
  const { stdout, ...rest } = await runBounded('/bin/sh', script, { timeoutMs, env: { WHERE: 'here' } });
  deepEqual([stdout.toString(), rest], ['a b|$HOME;true|', { stderr: 'here\n', exitCode: 3, cut: undefined }]);
  await rejects(runBounded('/nowhere/at/all', [], { timeoutMs }), { code: 'ENOENT' });
});

test('ends by its time, by its bytes and when it is told to, with all that is in its group', async () => {
  const late = await sh('sleep 600 & echo $!; wait', { timeoutMs: laneBoundMs(200) });
  deepEqual([late.exitCode, late.cut], [null, 'late']);
  ok(late.stdout.length > 0);
  // What it has started is gone as well, once the kernel has run its SIGKILL.
  while ((await readProcessStart(Number(late.stdout))) !== '') await new Promise(setImmediate);
  const long = await sh('exec yes');
  deepEqual([long.exitCode, long.cut], [null, 'long']);
  ok(long.stdout.length <= 1 << 20);
  equal((await sh('exec yes >&2')).cut, 'long');
  const stop = new AbortController();
  const told = sh('exec sleep 600', { signal: stop.signal });
  stop.abort();
  equal((await told).cut, 'told');
  equal((await sh('exec sleep 600', { signal: stop.signal })).cut, 'told', 'also where it was told before');
});

test('an end is an end, also where something that it has left behind holds its pipes', async () => {
  const fromMs = performance.now();
  const { stdout, exitCode, cut } = await sh('setsid sleep 600 & echo $!');
  process.kill(Number(stdout), 'SIGKILL');
  deepEqual([exitCode, cut], [0, undefined]);
  ok(performance.now() - fromMs < timeoutMs / 2);
});

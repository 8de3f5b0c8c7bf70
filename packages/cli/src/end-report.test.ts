// What a person and a script are told of an end.
import { deepEqual } from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { EndResult } from '@caisson/host/engine';
import { showEnd } from './end-report.ts';

type Ended = EndResult['enclaves'][number];
const ended: Ended = { name: 'web', wasRunning: true, end: 'exited \u001b[2J', removed: false, failure: null };
const failure = { code: 'NITRO_LEFT', message: 'it goes on\u001b[2J', hint: 'sudo kill -9 7\u0007' };

function show(enclaves: readonly Ended[], json = false) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = showEnd({ enclaves }, json, { stdout, stderr });
  return [code, String(stdout.read() ?? ''), String(stderr.read() ?? '')];
}

test('an end is told in one line that steers no terminal, and one that failed with its hint and exit code 1 whatever became of the others', () => {
  deepEqual(show([ended]), [0, 'web  STOPPED  exited \\u001b[2J\n', '']);
  deepEqual(show([{ ...ended, wasRunning: false, removed: true }]), [0, 'web  did not run, removed\n', '']);
  const told = 'web  FAILED  it goes on\\u001b[2J\n  hint: sudo kill -9 7\\u0007\n';
  deepEqual(
    show([
      { ...ended, failure },
      { ...ended, name: 'api', end: null },
    ]),
    [1, 'api  STOPPED\n', told],
  );
  deepEqual([show([{ ...ended, failure }], true)[0], show([], false)], [1, [0, '', 'nothing to end\n']]);
});

// What a person and a script are told of a prune.
import { deepEqual, equal } from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { PruneResult } from '@caisson/host/engine';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { showPrune } from './prune-report.ts';

const done: PruneResult = {
  dryRun: false,
  bytes: 139_670_000,
  removed: [
    { kind: 'built', what: 'web', path: '/s/built/web/a.eif', bytes: 139_668_952 },
    { kind: 'image', what: 'f'.repeat(96), path: '/s/images/images/f', bytes: 1_024 },
    { kind: 'temporary', what: '.caisson-1-a', path: '/s/\u001b[2J', bytes: 24 },
  ],
  failures: [],
};
const failure = { path: '/s/run', code: 'EACCES', message: 'denied\u001b[2J', hint: 'be its owner' };

function show(result: PruneResult, json = false) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = showPrune(result, json, { stdout, stderr });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

test('prune says what went, how many bytes and what it left, in a document of its schema too', () => {
  deepEqual(show(done).out.split('\n'), [
    '133.2 MiB  image built for web                /s/built/web/a.eif',
    '  1.0 KiB  image ffffffffffff without a name  /s/images/images/f',
    '     24 B  unfinished file                    /s/\\u001b[2J',
    '133.2 MiB freed',
    '',
  ]);
  equal(
    show({ ...done, dryRun: true })
      .out.split('\n')
      .at(-2),
    '133.2 MiB would be freed',
  );
  deepEqual(show({ ...done, removed: [], bytes: 0 }), { code: 0, out: 'nothing to remove\n', err: '' });
  const failed = show({ ...done, failures: [failure] });
  deepEqual([failed.code, failed.err], [1, 'left as it is: /s/run: denied\\u001b[2J\n  hint: be its owner\n']);
  assertFitsSchema(JSON.parse(show({ ...done, failures: [failure] }, true).out), 'prune');
});

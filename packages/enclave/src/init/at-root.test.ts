// A supervisor whose root is a folder: what it opens itself is there, what services are told is not changed, and only its own processes are.
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { MeasuredService } from '@caisson/core/measured';
import { servicesAtRoot } from './at-root.ts';
import { onlyFamily, type ProcessReading } from './process-list.ts';

const service = (ready: MeasuredService['ready']): MeasuredService =>
  ({ name: 'app', argv: ['/bin/app'], workingDirectory: '/srv', ready }) as unknown as MeasuredService;

test('the file that makes a service ready is looked for at the root, and its words stay those of the image', () => {
  const measured = [service({ kind: 'file', path: '/run/up' }), service({ kind: 'port', port: 80 })];
  deepEqual(
    servicesAtRoot(measured, '/r').map(({ argv, ready }) => [argv, ready]),
    [
      [['/bin/app'], { kind: 'file', path: '/r/run/up' }],
      [['/bin/app'], { kind: 'port', port: 80 }],
    ],
  );
  equal(servicesAtRoot(measured, ''), measured);
});

test('of this machine’s processes only those that came of the first are the enclave’s, also where parents lead in a circle', () => {
  const read = ([pid, ppid]: readonly [number, number]): ProcessReading => ({ pid, ppid }) as ProcessReading;
  const all = [
    ...([
      [1, 0],
      [50, 1],
      [60, 50],
      [61, 60],
      [70, 1],
      [80, 81],
      [81, 80],
    ] as const),
  ].map(read);
  deepEqual(
    onlyFamily(all, 50).map(({ pid }) => pid),
    [50, 60, 61],
  );
  deepEqual(onlyFamily(all, 99), []);
});

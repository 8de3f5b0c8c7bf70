// Every fact of a record that makes another enclave is told; what the next start would have anyway is not.
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { fakeSpec } from '@caisson/testkit/fake';
import type { RecordedSpec } from '../record/index.ts';
import { compareSpec } from './compare-spec.ts';

const rule = { hostAddress: '127.0.0.1', hostPort: 8080, port: 3000, vsockPort: 3000, holdMs: 0 };
const before = fakeSpec('web', { ingress: [rule] });
const { measurements } = before;

test('each difference that makes another enclave is one sentence, and a longer deadline or a new date is none', () => {
  const others: readonly Partial<RecordedSpec>[] = [
    ...(['PCR0', 'PCR1', 'PCR2', 'PCR8'] as const).map((register) => ({
      measurements: { ...measurements, [register]: 'f'.repeat(96) },
    })),
    ...[{ profile: 'production' }, { backend: 'qemu' }, { cid: 17 }, { memoryMiB: 513 }, { cpus: { ids: [0, 1] } }],
    ...[{ debug: true }, { restart: 'always' }, { logLevel: 'warn' }, { logFile: '/log' }, { dependsOn: ['api'] }],
    ...[{ labels: { a: 'b' } }, { config: { path: '/c', sha384: 'c'.repeat(96) } }, { ingress: [] }],
    ...[{ ingress: [{ ...rule, hostPort: 8081 }] }, { ingress: [{ ...rule, holdMs: 5 }] }],
    ...[{ egress: [{ host: 'a', port: 1 }] }, { endpoints: [{ host: 'a', port: 1, vsockPort: 8100 }] }],
  ] as readonly Partial<RecordedSpec>[];
  for (const other of others) {
    const changes = compareSpec(before, { ...before, ...other });
    equal(changes.length, 1, `${JSON.stringify(other)}: ${changes.join('; ')}`);
    equal(compareSpec({ ...before, ...other }, before).length, 1);
  }
  deepEqual(compareSpec(before, { ...before, readyTimeoutMs: 1, createdAt: '2026-11-22T00:00:00.000Z' }), []);
  const labels = { labels: { a: '1', b: '2' } };
  deepEqual(compareSpec({ ...before, ...labels }, { ...before, labels: { b: '2', a: '1' } }), []);
});

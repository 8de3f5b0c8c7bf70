// Flags of `caisson run`, each fault a usage error that names flag, value and bound.
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UsageError } from './exit-code.ts';
import { type RunFlags, runCommandOf } from './run-words.ts';

const base: RunFlags = { backend: 'auto', restart: 'no' };
const of = (flags: Partial<RunFlags>) => runCommandOf('app.eif', [], { ...base, ...flags }, undefined, false);

test('flags become what the engine is asked for, and nothing that was not said', () => {
  deepEqual(of({}), {
    verb: 'run',
    image: 'app.eif',
    command: [],
    backend: 'auto',
    debug: false,
    restart: 'no',
    detach: false,
    ingress: [],
    egress: [],
    labels: {},
  });
  const { cpus, memoryMiB, cid, labels } = of({ cpuIds: '1,4-6', memory: '512', cid: '40', label: ['a=b=c'] });
  deepEqual([cpus, memoryMiB, cid, labels], [{ ids: [1, 4, 5, 6] }, 512, 40, { a: 'b=c' }]);
  deepEqual(of({ cpus: '2' }).cpus, { count: 2 });
});

test('refuses what is no number, no port, no name, and two ways to say one thing', () => {
  for (const [flags, message] of [
    [{ cid: '3' }, '--cid must be an integer in 4..4194303, got "3"'],
    [{ memory: '10g' }, '--memory must be an integer in 64..16777216, got "10g"'],
    [{ cpus: '0' }, '--cpus must be an integer in 1..1024, got "0"'],
    [{ cpus: '1', cpuIds: '1' }, 'give --cpus or --cpu-ids, not both'],
    [{ cpuIds: '5-2' }, '--cpu-ids must be like 1,3,4-6, got "5-2"'],
    [{ cpuIds: '1,1' }, '--cpu-ids must name each once, got "1,1"'],
    [{ name: 'A' }, '--name must be 1 to 63 of a-z, 0-9 and -, beginning with a letter, got "A"'],
    [{ label: ['x'] }, '--label must be NAME=VALUE, got "x"'],
    [{ publish: ['70000'] }, '--publish must be [[ADDRESS:]HOSTPORT:]PORT with ports in 1..65535, got "70000"'],
    [{ publish: ['8080:0'] }, '--publish must be [[ADDRESS:]HOSTPORT:]PORT with ports in 1..65535, got "8080:0"'],
    [{ egress: ['example.org'] }, '--egress must be HOST:PORT with ports in 1..65535, got "example.org"'],
  ] as const) {
    throws(() => of(flags), { name: 'CaissonError', message }, JSON.stringify(flags));
  }
  for (const rule of ['3000', '8080:3000', '0.0.0.0:8080:3000', '[::1]:8080:3000', 'localhost:80:80'])
    of({ publish: [rule] });
  for (const rule of ['kms.eu-central-1.amazonaws.com:443', '10.0.0.1:80']) of({ egress: [rule] });
});

test('any words are taken or are a usage error', () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, word, word, (cpuIds, publish, egress, label) => {
      try {
        of({ cpuIds, publish: [publish], egress: [egress], label: [label] });
      } catch (error) {
        equal(error instanceof UsageError, true);
      }
    }),
    { seed: 8, numRuns: 300 },
  );
});

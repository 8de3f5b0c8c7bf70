// Names and codes of nitro-cli's verbs; the verbs themselves are tested from the command line (cli/src/nitro-verb.test.ts).
import { deepEqual, equal, match, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError } from '@caisson/core/errors';
import { fakeRecord } from '@caisson/testkit/fake';
import fc from 'fast-check';
import { explainNitroCode } from '../explain/index.ts';
import { isEnclaveName } from '../record/index.ts';
import { chooseName, NITRO_NAME_LABEL } from './enclave-name.ts';
import { asNitroFailure, nitroCodeOf } from './nitro-code-of.ts';
import { describeRecord, idOfRecord } from './nitro-enclave.ts';
import { NitroVerbError } from './nitro-verb-error.ts';

const labelled = (name: string, shown: string, phase: 'ready' | 'exited' = 'ready') =>
  fakeRecord(name, { labels: { [NITRO_NAME_LABEL]: shown } }, { phase });

test('an enclave is called by its file, and gets a number where that name runs', () => {
  deepEqual(chooseName(undefined, '/x/h.eif', []), { shown: 'h', name: 'h', replaces: [] });
  deepEqual(chooseName('My_App', 'h.eif', []), { shown: 'My_App', name: 'my-app', replaces: [] });
  const running = [labelled('h', 'h'), labelled('h-1', 'h_1')];
  deepEqual(chooseName(undefined, 'h.eif', running), { shown: 'h_2', name: 'h-2', replaces: [] });
});

test('what run-enclave started and has ended is replaced, and the record of a caisson.yaml is not', () => {
  deepEqual(chooseName('h', 'x.eif', [labelled('h', 'h', 'exited')]), { shown: 'h', name: 'h', replaces: ['h'] });
  deepEqual(chooseName('h', 'x.eif', [fakeRecord('h', {}, { phase: 'exited' })]), {
    shown: 'h',
    name: 'h-2',
    replaces: [],
  });
  deepEqual(chooseName('H', 'x.eif', [labelled('h', 'h')]), { shown: 'H', name: 'h-2', replaces: [] });
  throws(() => chooseName('../x', 'x.eif', []), { code: 'NITRO_VERB_WORDS', nitro: 'E58' });
});

test('any file has a name that a folder may have', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (file) => {
      const { name } = chooseName(undefined, `/images/${file}`, []);
      equal(isEnclaveName(name), true, name);
    }),
    { seed: 8, numRuns: 300 },
  );
});

test('the code of a failure is the one that nitro-cli gave, else that of what happened, and never E00', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['NITRO_FAILED', 'nitro-cli run-enclave failed with E51: x', 'E51'],
    ['BACKEND_BOOT', 'enclave x died: nitro-cli run-enclave failed with E36: y', 'E36'],
    ['BACKEND_CAPACITY', 'enclave x must have at least 80 MiB, 4 times its image, got 64 MiB', 'E26'],
    ['BACKEND_CAPACITY', 'enclave x must fit into 0 MiB of free huge pages, got 64 MiB', 'E27'],
    ['BACKEND_CAPACITY', 'enclave x must have at most 1 cpus, got 2', 'E22'],
    ['BACKEND_CAPACITY', 'cpus of enclave x must be free ones of the pool, got 9', 'E21'],
    ['BACKEND_CID', 'cid 16 must be free', 'E29'],
    ['BACKEND_UNAVAILABLE', 'the backend nitro needs /dev/nitro_enclaves', 'E28'],
    ['EIF_CRC', 'x', 'E35'],
    ['ENGINE_PROFILE', 'enclave x must be of profile production', 'E35'],
    ['IMAGE_FILE', 'cannot open x: ENOENT', 'E19'],
    ['NITRO_FAILED', 'nitro-cli describe-enclaves failed with E00: x', 'E38'],
    ['ANYTHING', 'x', 'E38'],
  ];
  for (const [code, message, nitro] of cases) {
    equal(nitroCodeOf({ code, message }), nitro, message);
    equal(explainNitroCode(nitro)?.code, nitro);
  }
  equal(nitroCodeOf({ code: 'ANYTHING', message: 'x' }, 'start'), 'E36');
  equal(asNitroFailure(new NitroVerbError('E44', 'NITRO_VERB_ENCLAVE', 'x'))?.nitro, 'E44');
  deepEqual(asNitroFailure(new CaissonError('BACKEND_CID', 'x', { hint: 'y' })), {
    nitro: 'E29',
    message: 'x',
    hint: 'y',
  });
  equal(asNitroFailure(new TypeError('a defect')), undefined);
});

test('an enclave that is simulated has an id of its own form, the same as long as its record stands', () => {
  const record = fakeRecord('web', { debug: true, cpus: { ids: [1, 3] } }, { pids: [42, 43] });
  const facts = describeRecord(record, undefined);
  match(String(facts?.EnclaveID), /^i-caisson-enc[0-9a-f]{16}$/);
  equal(record.spec && idOfRecord(record.spec), facts?.EnclaveID);
  deepEqual([facts?.ProcessID, facts?.NumberOfCPUs, facts?.CPUIDs, facts?.Flags], [42, 2, [1, 3], 'DEBUG_MODE']);
  const states = {
    starting: 'EMPTY',
    services: 'RUNNING',
    ready: 'RUNNING',
    stopping: 'TERMINATING',
    waiting: 'EMPTY',
  } as const;
  for (const [phase, state] of Object.entries(states))
    equal(describeRecord(fakeRecord('web', {}, { phase: phase as 'ready' }), undefined)?.State, state, phase);
});

// The table is whole, and a chain of codes has one cause.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { explainNitroCode, NITRO_CODES, readNitroFailure } from './index.ts';

test('knows every code of nitro-cli, E00 to E59, with one cause and one fix each', () => {
  deepEqual(
    NITRO_CODES.map(({ code }) => code),
    Array.from({ length: 60 }, (_, n) => `E${String(n).padStart(2, '0')}`),
  );
  equal(new Set(NITRO_CODES.map(({ name }) => name)).size, 60);
  for (const { code, cause, fix } of NITRO_CODES) {
    match(cause, /^\S.{15,}[^.]$/, code);
    match(fix, /^\S.{10,}[^.]$/, code);
  }
});

test('takes a code as people write it, and nothing else for one', () => {
  for (const text of ['E39', 'e39', '39']) equal(explainNitroCode(text)?.name, 'EnclaveProcessConnectionFailure');
  equal(explainNitroCode('7')?.code, 'E07');
  for (const text of ['', 'E', 'E60', '99', 'E039', 'E39 ', 'EE39', 'BACKEND_BOOT']) {
    equal(explainNitroCode(text), undefined, text);
  }
});

test('names the code that came first and not the one that follows from it', () => {
  const chain = (codes: readonly string[]): string => codes.map((code) => `[ ${code} ] what it says\n`).join('\n');
  equal(readNitroFailure(chain(['E36', 'E39']), 39)?.code, 'E36');
  equal(readNitroFailure(chain(['E39', 'E27']), 39)?.code, 'E27');
  equal(readNitroFailure(chain(['E39']), 39)?.code, 'E39');
  equal(readNitroFailure('', 27)?.code, 'E27');
  equal(readNitroFailure(chain(['E99']), 36)?.code, 'E36');
  for (const exitCode of [0, null, 101, -1]) equal(readNitroFailure('panicked', exitCode), undefined);
  ok(NITRO_CODES.filter(({ isConsequence }) => isConsequence).every(({ code }) => code !== 'E36'));
});

// Whatever nitro-cli prints is what it must be or is refused, by name.
import { equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { ParseError } from '@caisson/core/errors';
import fc from 'fast-check';
import { readNitroFailure } from '../explain/index.ts';
import { parseCpuList } from './index.ts';
import { parseDescribed, parseStarted } from './output.ts';

const pcr = 'ab'.repeat(48);
const sound = {
  EnclaveID: 'i-0a-enc0b',
  ProcessID: 7,
  EnclaveCID: 16,
  EnclaveName: 'one',
  State: 'RUNNING',
  Flags: 'NONE',
  Measurements: { HashAlgorithm: 'Sha384 { ... }', PCR0: pcr, PCR1: pcr, PCR2: pcr },
  SomethingNew: true,
};
const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

test('takes what nitro-cli prints, whatever it has besides, and no id that could be another word', () => {
  equal(parseDescribed(bytes([sound]))[0]?.Measurements?.PCR0, pcr);
  equal(parseStarted(bytes(sound)).EnclaveID, 'i-0a-enc0b');
  for (const change of [
    { EnclaveID: '--all' },
    { EnclaveID: 'i-0a-enc0b --all' },
    { ProcessID: 0 },
    { ProcessID: '7' },
    { EnclaveCID: 3 },
    { State: 'GONE' },
    { Measurements: { PCR0: 'ab', PCR1: pcr, PCR2: pcr } },
  ]) {
    throws(() => parseDescribed(bytes([{ ...sound, ...change }])), { code: 'NITRO_OUTPUT' }, JSON.stringify(change));
  }
  const twice = `[${JSON.stringify(sound).replace('{', '{"EnclaveCID":17,')}]`;
  throws(() => parseDescribed(Buffer.from(twice)), { code: 'NITRO_OUTPUT', message: /EnclaveCID/ });
  throws(() => parseDescribed(Buffer.from(`${JSON.stringify([sound])}\nDone`)), { code: 'NITRO_OUTPUT' });
});

test('any bytes are refused with one kind of error, and no text breaks the other readers', () => {
  const text = JSON.stringify([sound]);
  const mutant = fc
    .tuple(fc.nat(text.length), fc.nat(20), fc.string())
    .map(([at, cut, put]) => Buffer.from(text.slice(0, at) + put + text.slice(at + cut)));
  fc.assert(
    fc.property(fc.oneof(mutant, fc.uint8Array().map(Buffer.from), fc.json().map(Buffer.from)), (input) => {
      try {
        ok(Array.isArray(parseDescribed(input)));
      } catch (error) {
        ok(error instanceof ParseError && error.code === 'NITRO_OUTPUT');
      }
      const printed = input.toString('latin1');
      ok(parseCpuList(printed).every((id) => id >= 0 && id <= 9_999));
      readNitroFailure(printed, 1);
    }),
    { seed: 8, numRuns: 1_000 },
  );
});

// Attestation documents: the rules of the payload, one by one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../bytes/index.ts';
import { CBOR_ERROR_CODES, type CborValue, decodeCbor, encodeCbor } from '../cbor/index.ts';
import { CaissonError } from '../errors/index.ts';
import {
  ATTESTATION_ERROR_CODES,
  type AttestationPayload,
  encodeAttestationPayload,
  maxPayloadBytes,
  parseAttestationPayload,
} from './index.ts';

const runs = (fast: number): number => (process.env['CAISSON_LANE'] === 'deep' ? fast * 50 : fast);

const pcr = new Uint8Array(48);
const payload: AttestationPayload = {
  moduleId: 'i-0123456789abcdef0-enc0123456789abcdef',
  digest: 'SHA384',
  timestamp: 1_780_000_000_123,
  pcrs: new Map([
    [4, pcr],
    [0, pcr],
  ]),
  certificate: Uint8Array.of(1),
  cabundle: [Uint8Array.of(2), Uint8Array.of(3)],
  publicKey: undefined,
  userData: new Uint8Array(0),
  nonce: Uint8Array.of(9),
};
const fields = (): Map<string, CborValue> =>
  decodeCbor(encodeAttestationPayload(payload, { indefiniteMap: false })) as Map<string, CborValue>;
const refuses = (code: string, changes: Record<string, CborValue | undefined>): void => {
  const map = fields();
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }
  assert.throws(
    () => parseAttestationPayload(encodeCbor(map)),
    { code },
    `${JSON.stringify(Object.keys(changes))}: ${code}`,
  );
};

test('writes the fields in the order of hardware, with null for what was not asked for', () => {
  const map = fields();
  assert.deepEqual(
    [...map.keys()],
    ['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle', 'public_key', 'user_data', 'nonce'],
  );
  assert.deepEqual([...(map.get('pcrs') as Map<number, Uint8Array>).keys()], [0, 4]);
  assert.equal(map.get('public_key'), null);
  assert.deepEqual(map.get('user_data'), new Uint8Array(0));
});

test('writes the open-ended map of current hardware, or the definite one of older', () => {
  const open = toHex(encodeAttestationPayload(payload, { indefiniteMap: true }));
  const definite = toHex(encodeAttestationPayload(payload, { indefiniteMap: false }));
  assert.equal(open, `bf${definite.slice(2)}ff`);
  assert.ok(definite.startsWith('a9'));
});

test('reads back both forms, an empty user_data apart from none', () => {
  for (const indefiniteMap of [true, false]) {
    const parsed = parseAttestationPayload(encodeAttestationPayload(payload, { indefiniteMap }));
    assert.deepEqual(parsed, {
      ...payload,
      pcrs: new Map([
        [0, pcr],
        [4, pcr],
      ]),
      unknownFields: [],
    });
  }
});

test('takes absence of an optional field as null', () => {
  const map = fields();
  for (const name of ['public_key', 'user_data', 'nonce']) map.delete(name);
  const { publicKey, userData, nonce } = parseAttestationPayload(encodeCbor(map));
  assert.deepEqual([publicKey, userData, nonce], [undefined, undefined, undefined]);
});

test('refuses each mandatory field when it is missing, null or of another type', () => {
  for (const name of ['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle']) {
    for (const value of [undefined, null, true]) refuses('ATTESTATION_FIELD', { [name]: value });
  }
});

test('refuses values out of range', () => {
  const wrong: Record<string, CborValue[]> = {
    module_id: ['', Uint8Array.of(1)],
    digest: ['SHA256', 'sha384'],
    timestamp: [0, -1, '1', 2n ** 60n],
    certificate: [new Uint8Array(0), new Uint8Array(1025), 'text'],
    cabundle: [[], [new Uint8Array(0)], [new Uint8Array(1025)], ['text'], new Map()],
    public_key: [new Uint8Array(0), new Uint8Array(1025), 'text'],
    user_data: [new Uint8Array(1025), 'text'],
    nonce: [new Uint8Array(1025), 1],
  };
  for (const [name, values] of Object.entries(wrong))
    for (const value of values) refuses('ATTESTATION_FIELD', { [name]: value });
});

test('accepts 1,024 bytes in each optional field', () => {
  const full = new Uint8Array(1024);
  const bytes = encodeAttestationPayload(
    { ...payload, publicKey: full, userData: full, nonce: full },
    { indefiniteMap: true },
  );
  assert.deepEqual(parseAttestationPayload(bytes).nonce, full);
});

test('PCRs are 1 to 32, indexed 0 to 31, of 48 bytes each', () => {
  const all = (count: number): Map<number, Uint8Array> =>
    new Map(Array.from({ length: count }, (_, index) => [index, pcr]));
  assert.equal(parseAttestationPayload(encodeCbor(fields().set('pcrs', all(32)))).pcrs.size, 32);
  refuses('ATTESTATION_FIELD', { pcrs: new Map() });
  refuses('ATTESTATION_FIELD', { pcrs: all(33) });
  refuses('ATTESTATION_FIELD', { pcrs: [pcr] });
  for (const index of [-1, 32, 2 ** 32]) refuses('ATTESTATION_FIELD', { pcrs: new Map([[index, pcr]]) });
  refuses('ATTESTATION_FIELD', { pcrs: new Map([['0', pcr]]) });
  for (const length of [0, 32, 47, 49, 64])
    refuses('ATTESTATION_FIELD', { pcrs: new Map([[0, new Uint8Array(length)]]) });
});

test('names fields it does not know, and refuses keys that are not text or would poison an object', () => {
  assert.deepEqual(parseAttestationPayload(encodeCbor(fields().set('later', 1))).unknownFields, ['later']);
  for (const name of ['__proto__', 'constructor', 'prototype']) {
    const map = fields().set(name, 1);
    assert.throws(() => parseAttestationPayload(encodeCbor(map)), { code: 'ATTESTATION_PAYLOAD' });
  }
  const integerKey = new Map<string | number, CborValue>([...fields(), [1, 1]]);
  assert.throws(() => parseAttestationPayload(encodeCbor(integerKey)), { code: 'ATTESTATION_PAYLOAD' });
  assert.throws(() => parseAttestationPayload(encodeCbor([1])), { code: 'ATTESTATION_PAYLOAD' });
});

test('refuses a payload above its limit and bytes after it', () => {
  assert.throws(() => parseAttestationPayload(new Uint8Array(maxPayloadBytes + 1)), { code: 'CBOR_TOO_LARGE' });
  const bytes = encodeAttestationPayload(payload, { indefiniteMap: true });
  assert.throws(() => parseAttestationPayload(Uint8Array.of(...bytes, 0)), { code: 'CBOR_TRAILING' });
});

test('says which field, what it must be and what it got', () => {
  assert.throws(() => parseAttestationPayload(encodeCbor(fields().set('nonce', new Uint8Array(1025)))), {
    message: 'attestation nonce must be 0..1024 bytes, got 1025 bytes',
  });
});

test('says what stands in the place of a field, and of text only how long it is', () => {
  const says = (name: string, value: CborValue, text: string): void =>
    assert.throws(() => parseAttestationPayload(encodeCbor(fields().set(name, value))), {
      message: `attestation ${text}`,
    });
  for (const [value, kind] of [
    [null, 'null'],
    [payload.certificate, '1 bytes'],
    [new Map([[1, 2]]), 'a map of 1'],
    [[1, 2], 'an array of 2'],
    ['secret', 'text of 6'],
    [true, 'true'],
    [7, '7'],
  ] as const) {
    says('digest', value, `digest must be "SHA384", got ${kind}`);
  }
  says('certificate', new Uint8Array(0), 'certificate must be 1..1024 bytes, got 0 bytes');
  says('cabundle', [new Uint8Array(1), 5], 'cabundle[1] must be 1..1024 bytes, got 5');
  says('cabundle', [], 'cabundle must be a non-empty array, got an array of 0');
  says('pcrs', new Map(), 'pcrs must be a map of 1..32, got a map of 0');
  says('pcrs', new Map([[32, pcr]]), 'pcrs must be keyed by integers in 0..31, got 32');
  says('pcrs', new Map([[3, new Uint8Array(47)]]), 'pcrs[3] must be 48 bytes, got 47 bytes');
  says('public_key', new Uint8Array(0), 'public_key must be 1..1024 bytes, got 0 bytes');
  const without = fields();
  without.delete('timestamp');
  assert.throws(() => parseAttestationPayload(encodeCbor(without)), {
    message: 'attestation timestamp must be an integer in 1..2^53-1, got none',
  });
  const integerKey = new Map<string | number, CborValue>([...fields(), [5, 1]]);
  assert.throws(() => parseAttestationPayload(encodeCbor(integerKey)), {
    message: 'attestation payload keys must be text, got 5',
  });
});

test('accepts the least of each field, and certificates of 1,024 bytes', () => {
  const one = Uint8Array.of(7);
  const full = new Uint8Array(1024);
  const least = { ...payload, timestamp: 1, publicKey: one, userData: new Uint8Array(0), nonce: new Uint8Array(0) };
  const parsed = parseAttestationPayload(encodeAttestationPayload(least, { indefiniteMap: true }));
  assert.deepEqual([parsed.timestamp, parsed.publicKey, parsed.nonce], [1, one, new Uint8Array(0)]);
  const large = { ...payload, certificate: full, cabundle: [full] };
  assert.deepEqual(parseAttestationPayload(encodeAttestationPayload(large, { indefiniteMap: true })).cabundle, [full]);
});

test('fuzz: any change of any byte gives a payload or an error of these rooms', () => {
  const codes: readonly string[] = [...ATTESTATION_ERROR_CODES, ...CBOR_ERROR_CODES];
  const good = encodeAttestationPayload(payload, { indefiniteMap: true });
  let accepted = 0;
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), fc.boolean(), (at, octet, isCut) => {
      const mutant = Uint8Array.from(good);
      mutant[at] = octet;
      try {
        parseAttestationPayload(isCut ? mutant.subarray(0, at) : mutant);
        accepted += 1;
      } catch (error) {
        assert.ok(error instanceof CaissonError && codes.includes(error.code), String(error));
      }
    }),
    { seed: 1, numRuns: runs(5_000) },
  );
  assert.ok(accepted > 0, 'the fuzz must reach the accepting path');
});

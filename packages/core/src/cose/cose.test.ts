// COSE_Sign1: one algorithm, one header, one form.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, parseHex, toHex } from '../bytes/index.ts';
import { CBOR_ERROR_CODES, CborTag, type CborValue, decodeCbor, encodeCbor } from '../cbor/index.ts';
import { CaissonError } from '../errors/index.ts';
import {
  COSE_ALGORITHM,
  COSE_ERROR_CODES,
  encodeCoseSign1,
  encodeProtectedHeader,
  encodeSigStructure,
  parseCoseSign1,
  signCoseSign1,
  signCoseSign1Ed25519,
  verifyCoseSign1Ed25519,
} from './index.ts';

const runs = (fast: number): number => (process.env['CAISSON_LANE'] === 'deep' ? fast * 50 : fast);

const rules = { algorithm: COSE_ALGORITHM.es384, signatureBytes: 96, maxPayloadBytes: 64, maxBytes: 512 };
const protectedHeader = encodeProtectedHeader(COSE_ALGORITHM.es384);
const payload = Uint8Array.of(1, 2, 3);
const signature = new Uint8Array(96).fill(7);
const message = { protectedHeader, payload, signature };

const refuses = (code: string, ...items: CborValue[]): void => {
  assert.throws(() => parseCoseSign1(encodeCbor(items), rules), { code }, `must be refused as ${code}`);
};
const header = (...entries: [CborValue, CborValue][]): Uint8Array =>
  encodeCbor(new Map(entries as [number, CborValue][]));

test('writes the untagged form of hardware, byte for byte', () => {
  assert.equal(toHex(protectedHeader), 'a1013822');
  assert.ok(toHex(encodeCoseSign1(message)).startsWith('8444a1013822a0430102035860'));
  assert.ok(toHex(encodeCoseSign1(message, true)).startsWith('d28444a1013822a0'));
});

test('signs over Signature1, the protected header, no external data and the payload', () => {
  assert.equal(toHex(encodeSigStructure(message)), '846a5369676e61747572653144a10138224043010203');
});

test('reads back what it wrote, tagged 18 or not', () => {
  assert.deepEqual(parseCoseSign1(encodeCoseSign1(message), rules), message);
  assert.deepEqual(parseCoseSign1(encodeCoseSign1(message, true), rules), message);
});

test('refuses other tags, and tag 18 twice', () => {
  const array = [protectedHeader, new Map(), payload, signature];
  assert.throws(() => parseCoseSign1(encodeCbor(new CborTag(17, array)), rules), { code: 'CBOR_TAG' });
  assert.throws(() => parseCoseSign1(encodeCbor(new CborTag(18, new CborTag(18, array))), rules), {
    code: 'COSE_FORM',
  });
});

test('refuses anything but an array of four', () => {
  refuses('COSE_FORM', protectedHeader, new Map(), payload);
  refuses('COSE_FORM', protectedHeader, new Map(), payload, signature, signature);
  for (const other of [new Map(), null, payload, 'text', 4]) {
    assert.throws(() => parseCoseSign1(encodeCbor(other), rules), { code: 'COSE_FORM' });
  }
});

test('takes the algorithm from its rules: a protected header that says anything else or more is refused', () => {
  const es256 = -7;
  for (const wrong of [
    header([1, es256]),
    header([1, null]),
    header([1, 'ES384']),
    header([1, COSE_ALGORITHM.es384], [4, payload]),
    header([1, COSE_ALGORITHM.es384], [2, [1]]),
    header([2, COSE_ALGORITHM.es384]),
    header(),
    encodeCbor([1]),
    new Uint8Array(0),
    new Uint8Array(65),
  ]) {
    refuses('COSE_PROTECTED', wrong, new Map(), payload, signature);
  }
  refuses('COSE_PROTECTED', new Map([[1, COSE_ALGORITHM.es384]]), new Map(), payload, signature);
  refuses('CBOR_DUPLICATE_KEY', parseHex('a2013822013822'), new Map(), payload, signature);
  refuses('CBOR_NOT_MINIMAL', parseHex('a101390022'), new Map(), payload, signature);
});

test('refuses an unprotected header that is not an empty map', () => {
  for (const wrong of [new Map([[4, payload]]), [], null, payload]) {
    refuses('COSE_UNPROTECTED', protectedHeader, wrong, payload, signature);
  }
});

test('refuses a detached, empty or too large payload and a signature of another length', () => {
  for (const wrong of [null, new Uint8Array(0), new Uint8Array(65), 'text']) {
    refuses('COSE_PAYLOAD', protectedHeader, new Map(), wrong, signature);
  }
  for (const wrong of [null, new Uint8Array(0), new Uint8Array(95), new Uint8Array(97), 'text']) {
    refuses('COSE_SIGNATURE', protectedHeader, new Map(), payload, wrong);
  }
  assert.throws(() => parseCoseSign1(new Uint8Array(513), rules), { code: 'CBOR_TOO_LARGE' });
});

test('says what stands in the place of each part', () => {
  const says = (value: CborValue, text: string): void =>
    assert.throws(() => parseCoseSign1(encodeCbor(value), rules), { message: `COSE_Sign1 ${text}` });
  for (const [value, kind] of [
    [null, 'null'],
    [payload, '3 bytes'],
    [new Map([[1, 2]]), 'a map of 1'],
    [new CborTag(18, new CborTag(18, [])), 'tag 18'],
    [[1, 2], 'an array of 2'],
    ['text', 'string'],
    [4, 'number'],
  ] as const) {
    says(value, `must be an array of 4, got ${kind}`);
    if (value instanceof CborTag) continue;
    const bound = 'payload must be a byte string of 1..64 bytes';
    if (value !== payload) says([protectedHeader, new Map(), value, signature], `${bound}, got ${kind}`);
  }
  says(
    [protectedHeader, new Map(), new Uint8Array(0), signature],
    'payload must be a byte string of 1..64 bytes, got 0 bytes',
  );
  says([protectedHeader, new Map(), payload, payload], 'signature must be a byte string of 96 bytes, got 3 bytes');
  for (const length of [0, 65]) {
    const text = `protected header must be a byte string of 1..64 bytes, got ${length} bytes`;
    says([new Uint8Array(length), new Map(), payload, signature], text);
  }
  says(
    [header([2, 1]), new Map(), payload, signature],
    'protected header must be {1: -35} and nothing else, got a map of 1',
  );
  says([protectedHeader, [], payload, signature], 'unprotected header must be an empty map, got an array of 0');
});

test('takes a payload of one byte and one at the limit, and reads a protected header of up to 64 bytes', () => {
  for (const length of [1, 64]) {
    const one = { ...message, payload: new Uint8Array(length) };
    assert.deepEqual(parseCoseSign1(encodeCoseSign1(one), rules), one);
  }
  const long = header([1, COSE_ALGORITHM.es384], [2, new Uint8Array(57)]);
  assert.equal(long.length, 64);
  refuses('COSE_PROTECTED', long, new Map(), payload, signature);
});

test('a message it signed verifies over its Sig_structure, and over nothing else', async () => {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, false, ['sign', 'verify']);
  const parsed = parseCoseSign1(await signCoseSign1(payload, keys.privateKey), rules);
  const holds = (bytes: Uint8Array): Promise<boolean> =>
    crypto.subtle.verify(
      { name: 'ECDSA', hash: 'SHA-384' },
      keys.publicKey,
      Uint8Array.from(parsed.signature),
      Uint8Array.from(bytes),
    );
  assert.equal(await holds(encodeSigStructure(parsed)), true);
  assert.equal(await holds(parsed.payload), false);
  assert.equal(await holds(encodeSigStructure({ ...parsed, payload: Uint8Array.of(1, 2, 4) })), false);
});

test('fuzz: every changed, cut or inserted byte gives the same form again or an error of these rooms', () => {
  const codes: readonly string[] = [...COSE_ERROR_CODES, ...CBOR_ERROR_CODES];
  const good = encodeCoseSign1(message, true);
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), fc.constantFrom('change', 'cut', 'insert'), (at, octet, how) => {
      const tail = good.subarray(how === 'insert' ? at : at + 1);
      const mutant =
        how === 'cut' ? good.subarray(0, at) : concatBytes(good.subarray(0, at), Uint8Array.of(octet), tail);
      try {
        const parsed = parseCoseSign1(mutant, rules);
        assert.deepEqual(Uint8Array.from(mutant), Uint8Array.from(encodeCoseSign1(parsed, mutant[0] === 0xd2)));
      } catch (error) {
        assert.ok(error instanceof CaissonError && codes.includes(error.code), String(error));
      }
    }),
    { seed: 1, numRuns: runs(4_000) },
  );
});

test('reads a key id from the protected header where one is asked for, and refuses one where none is', async () => {
  const { publicKey, privateKey } = (await crypto.subtle.generateKey('Ed25519', true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', publicKey));
  const keyId = new Uint8Array(32).fill(5);
  const bytes = await signCoseSign1Ed25519(payload, privateKey, keyId);
  const edDsa = { ...rules, algorithm: COSE_ALGORITHM.edDsa, signatureBytes: 64 };
  const parsed = parseCoseSign1(bytes, { ...edDsa, keyIdBytes: 32 });
  assert.deepEqual([parsed.keyId, parsed.payload], [keyId, payload]);
  // RFC 9052 section 3.1: alg is label 1, kid label 4.
  assert.deepEqual(
    decodeCbor(parsed.protectedHeader),
    new Map<number, unknown>([
      [1, COSE_ALGORITHM.edDsa],
      [4, keyId],
    ]),
  );
  await verifyCoseSign1Ed25519(parsed, spki);
  const refused = { code: 'COSE_VERIFICATION' };
  await assert.rejects(verifyCoseSign1Ed25519({ ...parsed, payload: Uint8Array.of(1, 2, 4) }, spki), refused);
  await assert.rejects(verifyCoseSign1Ed25519(parsed, spki.slice(1)), refused);
  assert.throws(() => parseCoseSign1(bytes, edDsa), { code: 'COSE_PROTECTED' });
  assert.throws(() => parseCoseSign1(bytes, { ...edDsa, keyIdBytes: 31 }), { code: 'COSE_PROTECTED' });
  assert.throws(() => parseCoseSign1(encodeCoseSign1(message), { ...rules, keyIdBytes: 32 }), {
    code: 'COSE_PROTECTED',
  });
});

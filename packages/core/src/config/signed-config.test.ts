// Signed configs: one form, every field bounded, and no bit that may change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseHex, toHex, toUtf8 } from '../bytes/index.ts';
import { type CborValue, encodeCbor } from '../cbor/index.ts';
import { signCoseSign1Ed25519 } from '../cose/index.ts';
import { CaissonError } from '../errors/index.ts';
import {
  isSignedConfig,
  parseSignedConfig,
  type SignedConfigContent,
  signConfig,
  verifySignedConfig,
} from './index.ts';

// RFC 8032 section 7.1, TEST 1 and TEST 2, in the containers of RFC 8410.
const pairs = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
  ],
] as const;
const spkiOf = (index: 0 | 1): Uint8Array => parseHex(`302a300506032b6570032100${pairs[index][1]}`);
const keyOf = (index: 0 | 1): Promise<CryptoKey> =>
  crypto.subtle.importKey('pkcs8', parseHex(`302e020100300506032b657004220420${pairs[index][0]}`), 'Ed25519', false, [
    'sign',
  ]);
const pcr0 = new Uint8Array(48).fill(0xa5);
const config = toUtf8('{"schemaVersion":"v0.1"}');
const content: SignedConfigContent = {
  version: 7,
  notAfter: 1_900_000_000,
  target: { kind: 'pcr0', values: [pcr0] },
  config,
  operators: null,
};
const sign = async (changes: Partial<SignedConfigContent> = {}): Promise<Uint8Array<ArrayBuffer>> =>
  signConfig({ ...content, ...changes }, await keyOf(0), spkiOf(0));

test('reads back what was signed, and holds it to the key that it names', async () => {
  const operators = await signCoseSign1Ed25519(Uint8Array.of(1), await keyOf(1), new Uint8Array(32));
  for (const changes of [
    {},
    { target: { kind: 'label', label: 'hello/eu' } as const },
    { operators },
    { version: 0 },
  ]) {
    const bytes = await sign(changes);
    assert.ok(isSignedConfig(bytes));
    const { cose, keyId, ...read } = parseSignedConfig(bytes);
    assert.deepEqual(read, { ...content, ...changes });
    assert.equal(
      toHex(keyId),
      toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(spkiOf(0))))),
    );
    assert.deepEqual(await verifySignedConfig(parseSignedConfig(bytes), [spkiOf(1), spkiOf(0)]), spkiOf(0));
    assert.ok(cose.payload.length > 0);
  }
  assert.ok(!isSignedConfig(config) && !isSignedConfig(toUtf8(' {}')) && !isSignedConfig(new Uint8Array()));
});

test('refuses a key that the image does not list, and a signature of another key under a listed name', async () => {
  const bytes = await sign();
  await assert.rejects(verifySignedConfig(parseSignedConfig(bytes), []), { code: 'CONFIG_SIGNATURE' });
  await assert.rejects(verifySignedConfig(parseSignedConfig(bytes), [spkiOf(1)]), {
    code: 'CONFIG_SIGNATURE',
    message: 'signed config must name one of the 1 keys of the image, got another',
  });
  const forged = await signConfig(content, await keyOf(1), spkiOf(0));
  await assert.rejects(verifySignedConfig(parseSignedConfig(forged), [spkiOf(0), spkiOf(1)]), {
    code: 'CONFIG_SIGNATURE',
    message: 'signed config must be signed by the key it names, got another signature',
  });
});

test('refuses each field outside of its bounds, when it is signed and when it is read', async () => {
  const whole: readonly (readonly [number, CborValue])[] = [
    [1, 'caisson-config/1'],
    [2, 7],
    [3, 1_900_000_000],
    [4, [pcr0]],
    [5, config],
    [6, null],
  ];
  const refused: readonly (readonly [number, CborValue, RegExp])[] = [
    [1, 'caisson-config/2', /context must be "caisson-config\/1"/],
    [2, -1, /version must be an integer in 0\.\.2\^53-1, got -1/],
    [2, 2n ** 60n, /version must be an integer/],
    [2, '7', /version must be an integer/],
    [3, null, /not-after must be an integer/],
    [4, [], /target must be 1\.\.64 PCR0 values or a label/],
    [4, [new Uint8Array(48)], /target must be PCR0 values of 48 bytes that are not all zero/],
    [4, [new Uint8Array(47).fill(1)], /target must be PCR0 values of 48 bytes/],
    [4, Array.from({ length: 65 }, () => pcr0), /target must be 1\.\.64/],
    [4, '', /target must be a label of 1\.\.128/],
    [4, 'a\nb', /target must be a label/],
    [4, 'x'.repeat(129), /target must be a label/],
    [5, 'text', /config must be 1\.\.1048576 bytes, got string/],
    [5, new Uint8Array(), /config must be 1\.\.1048576 bytes, got 0 bytes/],
    [6, new Uint8Array(65_537).fill(1), /operators must be 1\.\.65536 bytes/],
    [6, false, /operators must be/],
    [6, Uint8Array.of(1), /signed config operators: COSE_Sign1 must be an array of 4/],
    [7, 1, /payload must be a map of the keys 1 to 6/],
  ];
  for (const [key, value, message] of refused) {
    const payload = encodeCbor(new Map<number, CborValue>([...whole.filter(([one]) => one !== key), [key, value]]));
    const bytes = await signCoseSign1Ed25519(payload, await keyOf(0), new Uint8Array(32));
    assert.throws(() => parseSignedConfig(bytes), { message }, String(key));
  }
  await assert.rejects(sign({ target: { kind: 'pcr0', values: [] } }), { code: 'CONFIG_SIGNED_FIELD' });
  await assert.rejects(sign({ config: new Uint8Array(1_048_500) }), { code: 'CONFIG_TOO_LARGE' });
  assert.throws(() => parseSignedConfig(new Uint8Array(1_048_577)), { code: 'CONFIG_TOO_LARGE' });
});

test('refuses another algorithm, no key id, and a key id outside of what is signed', async () => {
  const good = await sign();
  const hex = toHex(good);
  for (const [from, to] of [
    ['a20127', 'a20126'],
    ['a2012704', 'a2012705'],
    ['a0', 'a10101'],
  ] as const) {
    assert.ok(hex.includes(from));
    assert.throws(() => parseSignedConfig(parseHex(hex.replace(from, to))), { code: 'CONFIG_SIGNED_FORM' }, from);
  }
});

test('no changed, cut or added byte gives a config that verifies', async () => {
  const good = await sign();
  await fc.assert(
    fc.asyncProperty(
      fc.nat(good.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom('flip', 'cut', 'add'),
      async (at, by, how) => {
        const bytes = how === 'cut' ? good.slice(0, at) : how === 'add' ? Uint8Array.from([...good, by]) : good.slice();
        if (how === 'flip') bytes[at] = bytes[at]! ^ by;
        await assert.rejects(
          async () => verifySignedConfig(parseSignedConfig(bytes), [spkiOf(0), spkiOf(1)]),
          (error) => error instanceof CaissonError && /^CONFIG_(SIGN|TOO)/.test(error.code),
        );
      },
    ),
    { seed: 31, numRuns: 400 },
  );
});

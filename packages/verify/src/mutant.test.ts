// T-V1 and T-V6: structured mutants of sound documents. Unsigned ones (bytes changed after the signature) must all be refused; signed
// ones (the signer himself wrote them) must be refused for the field that is wrong. A second verifier that shares no code with ours
// looks at every one of them: what it refuses, ours may not accept.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { concatBytes, parseHex } from '@caisson/core/bytes';
import { CborTag, type CborValue, encodeCbor } from '@caisson/core/cbor';
import { encodeEcdsaSignature } from '@caisson/core/x509';
import {
  type DocumentBend,
  EncodedCbor,
  type ForgedChain,
  forgeChain,
  forgeDocument,
  forgeKey,
  type PayloadEntry,
  secondOpinion,
  testPcrs,
} from '@caisson/testkit/authority';
import { laneFigure } from '@caisson/testkit/contract';
import fc from 'fast-check';
import { awsRoot, VerificationError, verifyDocument } from './index.ts';

const at = 1_780_000_000;
const sound = { timestamp: at * 1000 };

interface Seed {
  readonly name: string;
  readonly document: Uint8Array;
  readonly root: Uint8Array;
  readonly at: number;
}
let chain: ForgedChain;
const seeds: Seed[] = [];

before(async () => {
  chain = await forgeChain({ at });
  const full = new Uint8Array(1024).fill(7);
  const variants: [string, Parameters<typeof forgeDocument>[1], DocumentBend][] = [
    ['current hardware', sound, {}],
    ['hardware before 2025', sound, { indefiniteMap: false }],
    ['tagged', sound, { items: (items) => new CborTag(18, items) }],
    ['all fields full', { ...sound, publicKey: full, userData: full, nonce: full }, {}],
    ['empty user_data', { ...sound, userData: new Uint8Array() }, {}],
    ['optional fields absent', sound, { payload: (entries) => entries.slice(0, 6) }],
    ['sparse PCRs', { ...sound, pcrs: new Map([...testPcrs()].filter(([index]) => index < 5 || index === 8)) }, {}],
    ['an unknown key', sound, { payload: (entries) => [...entries, ['later', 1]] }],
  ];
  for (const [name, payload, bend] of variants) {
    seeds.push({ name, document: await forgeDocument(chain, payload, bend), root: chain.path[0]!, at });
  }
  const folder = join(import.meta.dirname, '../../../../shared/vectors/attestation/real');
  for (const [id, when] of [
    ['5e983e0bf00a4eaf', 1_766_668_537],
    ['b1086cbb618cc21c', 1_758_057_949],
    ['e20c1c02f1ba596d', 1_657_117_102],
  ] as const) {
    const file = join(folder, `real-${id}.cbor`);
    if (existsSync(file)) seeds.push({ name: id, document: readFileSync(file), root: awsRoot(), at: when });
  }
});

async function classOf(document: Uint8Array, { root, at }: Pick<Seed, 'root' | 'at'>): Promise<string> {
  try {
    await verifyDocument(document, { roots: [root], at });
    return 'held';
  } catch (error) {
    assert.ok(error instanceof VerificationError, String(error));
    return error.class;
  }
}

test('T-V1: the sound documents that mutants are made of hold, for the second verifier too', async () => {
  assert.ok(seeds.length >= 8);
  for (const seed of seeds) {
    assert.equal(await classOf(seed.document, seed), 'held', seed.name);
    assert.ok(secondOpinion(seed.document, seed.root, seed.at), seed.name);
  }
});

// What can be done to bytes without the key.
const byteMutation = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), place: fc.nat(), bits: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('cut' as const), place: fc.nat(), bits: fc.nat(64) }),
  fc.record({ kind: fc.constant('insert' as const), place: fc.nat(), bits: fc.nat(255) }),
  fc.record({ kind: fc.constant('double' as const), place: fc.nat(), bits: fc.integer({ min: 1, max: 200 }) }),
  fc.record({ kind: fc.constant('swap' as const), place: fc.nat(), bits: fc.integer({ min: 1, max: 96 }) }),
);

function mutated(
  document: Uint8Array,
  { kind, place, bits }: { kind: string; place: number; bits: number },
): Uint8Array {
  const from = place % document.length;
  const [head, tail] = [document.subarray(0, from), document.subarray(from)];
  if (kind === 'flip') return Uint8Array.from(document, (byte, index) => (index === from ? byte ^ bits : byte));
  if (kind === 'cut') return concatBytes(head, tail.subarray(bits + 1));
  if (kind === 'insert') return concatBytes(head, Uint8Array.of(bits), tail);
  if (kind === 'double') return concatBytes(head, tail.subarray(0, bits), tail);
  return concatBytes(head, tail.subarray(bits, 2 * bits), tail.subarray(0, bits), tail.subarray(2 * bits));
}

// Looser in form is what the second verifier is known to be; looser in chain, time or signature would be a fault of one of the two.
function explain(name: string, got: string, doesSecondHold: boolean): void {
  if (!doesSecondHold) assert.notEqual(got, 'held', `${name}: ours holds, the second verifier refuses`);
  else assert.ok(['held', 'CBOR', 'COSE', 'DOC', 'CERT'].includes(got), `${name}: refused as ${got}, the second holds`);
}

test('T-V1, T-V6: no change of the bytes of a sound document is accepted, and none that the second verifier refuses', async () => {
  const classes = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.nat(), byteMutation, async (which, mutation) => {
      const seed = seeds[which % seeds.length]!;
      const mutant = mutated(seed.document, mutation);
      if (Buffer.compare(mutant, seed.document) === 0) return;
      const got = await classOf(mutant, seed);
      classes.set(got, (classes.get(got) ?? 0) + 1);
      assert.notEqual(got, 'held', `${seed.name} ${JSON.stringify(mutation)} held`);
      explain(`${seed.name} ${JSON.stringify(mutation)}`, got, secondOpinion(mutant, seed.root, seed.at));
    }),
    { seed: 1, numRuns: Math.max(laneFigure('T-V1'), laneFigure('T-V6')) },
  );
  for (const kind of ['CBOR', 'COSE', 'CERT', 'CHAIN', 'SIG'])
    assert.ok(classes.has(kind), `${kind} was never reached`);
});

type Payload = (entries: PayloadEntry[]) => readonly PayloadEntry[];
const set =
  (name: string, value: CborValue | EncodedCbor): Payload =>
  (entries) =>
    entries.map(([key, old]) => [key, key === name ? value : old]);
const fields = [
  'module_id',
  'digest',
  'timestamp',
  'pcrs',
  'certificate',
  'cabundle',
  'public_key',
  'user_data',
  'nonce',
];
const mandatory = fields.slice(0, 6);
const wrongTypes: readonly (CborValue | EncodedCbor)[] = [
  true,
  -1,
  0,
  'text',
  '',
  [],
  new Map(),
  new Uint8Array(),
  new Uint8Array(1025),
  new Map([['a', 1]]),
  [new Uint8Array()],
  2n ** 63n,
];

/** Each signed: [name, the classes that may be given, the bend]. */
function signedMutants(): (readonly [string, string, DocumentBend])[] {
  const payload = (name: string, classes: string, change: Payload) => [name, classes, { payload: change }] as const;
  return [
    ...fields.flatMap((name) => [
      payload(`${name} twice`, 'CBOR', (entries) => [...entries, entries.find(([key]) => key === name)!]),
      payload(`${name} twice, once under a longer text header`, 'CBOR', (entries) => [
        ...entries,
        [new EncodedCbor(concatBytes(Uint8Array.of(0x78, name.length), Buffer.from(name))), null],
      ]),
      payload(`${name} as a float`, 'CBOR', set(name, new EncodedCbor(parseHex('fb3ff0000000000000')))),
      payload(`${name} undefined`, 'CBOR', set(name, new EncodedCbor(parseHex('f7')))),
      payload(`${name} tagged`, 'CBOR DOC', set(name, new EncodedCbor(parseHex('c100')))),
      payload(`${name} of indefinite length`, 'CBOR', set(name, new EncodedCbor(parseHex('5f4100ff')))),
      payload(`${name} nested too deep`, 'CBOR', set(name, new EncodedCbor(parseHex(`${'81'.repeat(9)}00`)))),
      ...wrongTypes
        .filter((value) => !isAllowed(name, value))
        .map((value, index) => payload(`${name} as wrong type ${index}`, 'DOC CERT', set(name, value))),
    ]),
    ...mandatory.flatMap((name) => [
      payload(`no ${name}`, 'DOC', (entries) => entries.filter(([key]) => key !== name)),
      payload(`${name} null`, 'DOC', set(name, null)),
    ]),
    ...[0, 32, 47, 49, 64].map((length) =>
      payload(`a PCR of ${length} bytes`, 'DOC', set('pcrs', testPcrs().set(3, new Uint8Array(length)))),
    ),
    ...[-1, 32, 2 ** 32, 2 ** 40].map((index) =>
      payload(`PCR ${index}`, 'DOC', set('pcrs', testPcrs().set(index, new Uint8Array(48)))),
    ),
    payload('PCR 0 as text', 'DOC', set('pcrs', new Map([['0', new Uint8Array(48)]]))),
    payload('PCR 0 twice in two encodings', 'CBOR', set('pcrs', new EncodedCbor(twicePcr('1800')))),
    payload('PCR 0 twice', 'CBOR', set('pcrs', new EncodedCbor(twicePcr('00')))),
    payload(
      '33 PCRs',
      'DOC',
      set('pcrs', new Map(Array.from({ length: 33 }, (_, index) => [index, new Uint8Array(48)]))),
    ),
    payload('an integer key', 'DOC', (entries) => [...entries, [1, 1]]),
    ...['__proto__', 'constructor', 'prototype'].map((name) =>
      payload(`a key ${name}`, 'DOC', (entries) => [...entries, [name, 1]]),
    ),
    ['trailing bytes in the payload', 'CBOR', { payloadBytes: (bytes) => concatBytes(bytes, Uint8Array.of(0)) }],
    ['no break at the end', 'CBOR', { payloadBytes: (bytes) => bytes.subarray(0, bytes.length - 1) }],
    ['text that is not UTF-8', 'CBOR', { payload: set('module_id', new EncodedCbor(parseHex('62c080'))) }],
    [
      'a payload of 16,385 bytes',
      'COSE CBOR',
      { payloadBytes: (bytes) => concatBytes(bytes, new Uint8Array(16_385 - bytes.length)) },
    ],
    ['an empty payload', 'COSE', { payloadBytes: () => new Uint8Array() }],
    ...[
      'a0',
      'a10126',
      'a1013823',
      'a10105',
      'a1013824',
      'a10127',
      'a101653e5333',
      'a101f6',
      'a201382204426b64',
      'a2013822028101',
      '80',
      'a1133822',
    ].map((header) => [`protected header ${header}`, 'COSE CBOR', { protectedHeader: parseHex(header) }] as const),
    ['an unprotected header', 'COSE', { unprotected: new Map([[4, Uint8Array.of(1)]]) }],
    ['the algorithm unprotected', 'COSE', { unprotected: new Map([[1, -35]]), protectedHeader: parseHex('a0') }],
    ['an unprotected header that is null', 'COSE', { unprotected: null }],
    ['three items', 'COSE', { items: (items) => items.slice(0, 3) }],
    ['five items', 'COSE', { items: (items) => [...items, null] }],
    ['a map of items', 'COSE', { items: (items) => new Map(items.map((item, index) => [index, item])) }],
    ['a detached payload', 'COSE', { items: ([a, b, , d]) => [a!, b!, null, d!] }],
    ...[17, 98, 61, 55_799].map(
      (tag) => [`tag ${tag}`, 'CBOR COSE', { items: (items: CborValue[]) => new CborTag(tag, items) }] as const,
    ),
    ['tag 18 twice', 'CBOR COSE', { items: (items) => new CborTag(18, new CborTag(18, items)) }],
    ...[0, 64, 95, 97].map(
      (length) =>
        [
          `a signature of ${length} bytes`,
          'COSE',
          { signature: (raw: Uint8Array) => concatBytes(raw, raw).subarray(0, length) },
        ] as const,
    ),
    ['a DER signature', 'COSE', { signature: (raw) => encodeEcdsaSignature(raw) }],
    ['r and s swapped', 'SIG', { signature: (raw) => concatBytes(raw.subarray(48), raw.subarray(0, 48)) }],
    [
      'another context string',
      'SIG',
      {
        signed: ({ protectedHeader, payload }) => encodeCbor(['Signature', protectedHeader, new Uint8Array(), payload]),
      },
    ],
    [
      'external data',
      'SIG',
      {
        signed: ({ protectedHeader, payload }) =>
          encodeCbor(['Signature1', protectedHeader, Uint8Array.of(1), payload]),
      },
    ],
    ['a signature over the bare payload', 'SIG', { signed: ({ payload }) => payload }],
    ['a signature by a CA', 'SIG', { signWith: chain.keys[1]! }],
    ['trailing bytes', 'CBOR', { bytes: (document) => concatBytes(document, Uint8Array.of(0)) }],
    ['base64 text', 'CBOR COSE', { bytes: (document) => Buffer.from(Buffer.from(document).toString('base64')) }],
    ['hex text', 'CBOR COSE', { bytes: (document) => Buffer.from(Buffer.from(document).toString('hex')) }],
  ];
}

function isAllowed(name: string, value: CborValue | EncodedCbor): boolean {
  if (value instanceof Uint8Array && value.length === 0) return name === 'user_data' || name === 'nonce';
  return name === 'module_id' && value === 'text';
}

function twicePcr(secondKey: string): Uint8Array {
  const value = `5830${'01'.repeat(48)}`;
  return parseHex(`a200${value}${secondKey}${value.replace(/01$/, '02')}`);
}

test('T-V1, T-V6: what the signer himself wrote wrong is refused for the field that is wrong', async () => {
  const wrong: string[] = [];
  const all = signedMutants();
  for (const [name, classes, bend] of all) {
    const document = await forgeDocument(chain, sound, bend);
    const got = await classOf(document, { root: chain.path[0]!, at });
    explain(name, got, secondOpinion(document, chain.path[0]!, at));
    if (!classes.split(' ').includes(got)) wrong.push(`${name}: expected ${classes}, got ${got}`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(all.length >= 200, `${all.length} signed mutants`);
});

test('T-V1: a signature by a key that is nobody’s, and one of another document of the same enclave, are refused', async () => {
  const { key } = await forgeKey();
  const seed = { root: chain.path[0]!, at };
  assert.equal(await classOf(await forgeDocument(chain, sound, { signWith: key }), seed), 'SIG');
  const earlier = await forgeDocument(chain, { timestamp: sound.timestamp - 1 });
  const transplanted = await forgeDocument(chain, sound, { signature: () => earlier.slice(-96) });
  assert.equal(await classOf(transplanted, seed), 'SIG');
});

test('every truncation and every change of one byte of a document is refused', async () => {
  const seed = seeds[0]!;
  const { document } = seed;
  const step = laneFigure('T-V1-bytes');
  let tried = 0;
  for (let place = 0; place < document.length; place += 1) {
    assert.notEqual(await classOf(document.subarray(0, place), seed), 'held', `cut at ${place}`);
  }
  for (let place = 0; place < document.length; place += step) {
    // One bit and all bits: a parser that masks a byte is blind to one of them.
    for (const bits of [1 << (place % 8), 0xff]) {
      const mutant = mutated(document, { kind: 'flip', place, bits });
      assert.notEqual(await classOf(mutant, seed), 'held', `byte ${place} with ${bits.toString(2)} flipped`);
      tried += 1;
    }
  }
  assert.ok(tried >= 100);
});

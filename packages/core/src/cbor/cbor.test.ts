// The promises of this room: what is accepted, what is refused and with which code, and that nothing else happens.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, equalBytes, parseHex, toHex } from '../bytes/index.ts';
import { CaissonError, LimitError, ParseError } from '../errors/index.ts';
import { CBOR_ERROR_CODES, CborTag, type CborValue, decodeCbor, encodeCbor } from './index.ts';

const deep = process.env['CAISSON_LANE'] === 'deep';
const runs = (fast: number): number => (deep ? fast * 50 : fast);
const decodeHex = (hex: string, options = {}): CborValue => decodeCbor(parseHex(hex.replaceAll(' ', '')), options);

// RFC 8949 appendix A, the rows whose type this room has.
const examples: readonly (readonly [CborValue, string])[] = [
  [0, '00'],
  [1, '01'],
  [10, '0a'],
  [23, '17'],
  [24, '1818'],
  [25, '1819'],
  [100, '1864'],
  [1000, '1903e8'],
  [1000000, '1a000f4240'],
  [1000000000000, '1b000000e8d4a51000'],
  [18446744073709551615n, '1bffffffffffffffff'],
  [-18446744073709551616n, '3bffffffffffffffff'],
  [-1, '20'],
  [-10, '29'],
  [-100, '3863'],
  [-1000, '3903e7'],
  [false, 'f4'],
  [true, 'f5'],
  [null, 'f6'],
  [new Uint8Array(), '40'],
  [Uint8Array.of(1, 2, 3, 4), '4401020304'],
  ['', '60'],
  ['a', '6161'],
  ['IETF', '6449455446'],
  ['"\\', '62225c'],
  ['\u00fc', '62c3bc'],
  ['\u6c34', '63e6b0b4'],
  ['\u{10151}', '64f0908591'],
  [[], '80'],
  [[1, 2, 3], '83010203'],
  [[1, [2, 3], [4, 5]], '8301820203820405'],
  [Array.from({ length: 25 }, (_, index) => index + 1), '98190102030405060708090a0b0c0d0e0f101112131415161718181819'],
  [new Map(), 'a0'],
  [
    new Map([
      [1, 2],
      [3, 4],
    ]),
    'a201020304',
  ],
  [
    new Map<string, CborValue>([
      ['a', 1],
      ['b', [2, 3]],
    ]),
    'a26161016162820203',
  ],
];

test('writes and reads the examples of RFC 8949 appendix A', () => {
  for (const [value, hex] of examples) {
    assert.equal(toHex(encodeCbor(value)), hex);
    assert.deepEqual(decodeHex(hex), value);
  }
  assert.deepEqual(decodeHex('d28401020304', { tags: [18] }), new CborTag(18, [1, 2, 3, 4]));
  assert.equal(toHex(encodeCbor(new CborTag(18, [1, 2, 3, 4]))), 'd28401020304');
});

test('gives a number up to 2^53 - 1 and a bigint beyond, on both sides of zero', () => {
  assert.equal(decodeHex('1b001fffffffffffff'), Number.MAX_SAFE_INTEGER);
  assert.equal(decodeHex('1b0020000000000000'), 2n ** 53n);
  assert.equal(decodeHex('3b001ffffffffffffe'), Number.MIN_SAFE_INTEGER);
  assert.equal(decodeHex('3b001fffffffffffff'), -(2n ** 53n));
});

const key = fc.oneof(fc.maxSafeInteger(), fc.string({ unit: 'grapheme' }));
const scalar = fc.oneof(
  fc.maxSafeInteger().map((value) => value + 0),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 64n), max: -(2n ** 53n) }),
  fc.string({ unit: 'grapheme' }),
  fc.uint8Array({ maxLength: 300 }),
  fc.boolean(),
  fc.constant(null),
);
const { tree } = fc.letrec<{ tree: CborValue }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    scalar,
    fc.array(tie('tree'), { maxLength: 5 }),
    fc.uniqueArray(fc.tuple(key, tie('tree')), { selector: ([one]) => one, maxLength: 5 }).map((all) => new Map(all)),
    tie('tree').map((value) => new CborTag(18, value)),
  ),
}));
const treeOptions = { tags: [18], maxDepth: 16 };

test('decode gives back what encode was given', () => {
  fc.assert(
    fc.property(tree, (value) => {
      assert.deepEqual(decodeCbor(encodeCbor(value), treeOptions), value);
    }),
    { seed: 1, numRuns: runs(1000) },
  );
});

test('keeps the order of map entries in both directions', () => {
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 40 }), (keys) => {
      const decoded = decodeCbor(encodeCbor(new Map(keys.map((one, index) => [one, index]))));
      assert.deepEqual([...(decoded as Map<string | number, number>).keys()], keys);
    }),
    { seed: 1, numRuns: runs(200) },
  );
});

test('every truncation of a valid item is a ParseError', () => {
  fc.assert(
    fc.property(tree, (value) => {
      const bytes = encodeCbor(value);
      for (let length = 0; length < bytes.length; length += 1) {
        assert.throws(() => decodeCbor(bytes.subarray(0, length), treeOptions), ParseError);
      }
    }),
    { seed: 1, numRuns: runs(200) },
  );
});

test('every changed byte either fails or gives another value with exactly these bytes', () => {
  fc.assert(
    fc.property(tree, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, place, difference) => {
      const bytes = encodeCbor(value);
      bytes[place % bytes.length]! ^= difference;
      reencodesOrFails(bytes);
    }),
    { seed: 1, numRuns: runs(3000) },
  );
});

test('any bytes either fail with a code of this room or have no second form', () => {
  const nearCbor = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc
      .array(
        fc.constantFrom(0x00, 0x18, 0x19, 0x1b, 0x20, 0x40, 0x5f, 0x61, 0x81, 0x9f, 0xa1, 0xbf, 0xd2, 0xf6, 0xff),
        {
          maxLength: 24,
        },
      )
      .map((bytes) => Uint8Array.from(bytes)),
  );
  fc.assert(fc.property(nearCbor, reencodesOrFails), { seed: 1, numRuns: runs(5000) });
});

function reencodesOrFails(bytes: Uint8Array): void {
  let value: CborValue;
  try {
    value = decodeCbor(bytes, { ...treeOptions, allowIndefiniteMap: true });
  } catch (error) {
    assert.ok(error instanceof ParseError, String(error));
    assert.ok((CBOR_ERROR_CODES as readonly string[]).includes(error.code));
    assert.match(error.message, /^cbor: at byte \d+: /);
    return;
  }
  assert.equal(toHex(encodeCbor(value, { indefiniteMap: bytes[0] === 0xbf })), toHex(bytes));
}

// The rows 1 to 8 of the negative cases for attestation documents, as small as they can be.
const refused: readonly (readonly [what: string, hex: string, code: string, at: number, options?: object])[] = [
  ['an empty input', '', 'CBOR_TRUNCATED', 0],
  ['a truncated argument', '1903', 'CBOR_TRUNCATED', 0],
  ['a truncated byte string', '82 01 4401', 'CBOR_TRUNCATED', 2],
  ['an array with fewer items than announced', '83 01 02', 'CBOR_TRUNCATED', 0],
  ['a map that ends after a key', 'a1 6161', 'CBOR_TRUNCATED', 3],
  ['a trailing byte', '01 00', 'CBOR_TRAILING', 1],
  ['a trailing byte after an indefinite map', 'bf 01 02 ff 00', 'CBOR_TRAILING', 4, { allowIndefiniteMap: true }],
  ['a text key twice', 'a2 6161 01 6161 02', 'CBOR_DUPLICATE_KEY', 4],
  [
    'a text key twice in an indefinite map',
    'bf 6161 01 6161 02 ff',
    'CBOR_DUPLICATE_KEY',
    4,
    { allowIndefiniteMap: true },
  ],
  ['an integer key twice', 'a2 00 01 00 02', 'CBOR_DUPLICATE_KEY', 3],
  ['a big integer key twice', 'a2 1bffffffffffffffff 01 1bffffffffffffffff 02', 'CBOR_DUPLICATE_KEY', 11],
  ['a byte-string key twice', 'a2 4101 01 4101 02', 'CBOR_DUPLICATE_KEY', 4],
  ['a PCR index as 00 and again as 1800', 'a2 00 01 1800 02', 'CBOR_NOT_MINIMAL', 3],
  ['a text key again under a long header', 'a2 6161 01 780161 02', 'CBOR_NOT_MINIMAL', 4],
  ['a text key again as an indefinite text', 'a2 6161 01 7f6161ff 02', 'CBOR_INDEFINITE', 4],
  ['a key that is an array', 'a1 80 01', 'CBOR_KEY_TYPE', 1],
  ['a key that is null', 'a1 f6 01', 'CBOR_KEY_TYPE', 1],
  ['a key that is a tag', 'a1 d201 01', 'CBOR_KEY_TYPE', 1, { tags: [18] }],
  ['a 16-bit argument for 255', '1900ff', 'CBOR_NOT_MINIMAL', 0],
  ['a 32-bit argument for 65535', '1a0000ffff', 'CBOR_NOT_MINIMAL', 0],
  ['a 64-bit argument for 2^32 - 1', '1b00000000ffffffff', 'CBOR_NOT_MINIMAL', 0],
  ['a non-minimal array header', '9804 01020304', 'CBOR_NOT_MINIMAL', 0],
  ['a non-minimal byte-string header', '5900 01 00', 'CBOR_NOT_MINIMAL', 0],
  ['a non-minimal tag', 'd812 80', 'CBOR_NOT_MINIMAL', 0, { tags: [18] }],
  ['an indefinite map where it was not allowed', 'bf 01 02 ff', 'CBOR_INDEFINITE', 0],
  ['an indefinite map below the top', 'a1 01 bf ff', 'CBOR_INDEFINITE', 2, { allowIndefiniteMap: true }],
  ['an indefinite map under a tag', 'd2 bf ff', 'CBOR_INDEFINITE', 1, { allowIndefiniteMap: true, tags: [18] }],
  ['a nested indefinite map that never ends', 'a1 01 bf', 'CBOR_TRUNCATED', 3, { allowIndefiniteMap: 'everywhere' }],
  [
    'an indefinite array among indefinite maps',
    'bf 01 9f ff ff',
    'CBOR_INDEFINITE',
    2,
    { allowIndefiniteMap: 'everywhere' },
  ],
  ['an indefinite array', '9f ff', 'CBOR_INDEFINITE', 0, { allowIndefiniteMap: true }],
  ['an indefinite byte string', '5f 4101 ff', 'CBOR_INDEFINITE', 0],
  ['an indefinite map that never ends', 'bf 01 02', 'CBOR_TRUNCATED', 3, { allowIndefiniteMap: true }],
  ['a break in the place of a value', 'bf 01 ff', 'CBOR_BREAK', 2, { allowIndefiniteMap: true }],
  ['a break alone', 'ff', 'CBOR_BREAK', 0],
  ['an overlong UTF-8 form', '62 c080', 'CBOR_UTF8', 0],
  ['a surrogate in UTF-8', '63 eda080', 'CBOR_UTF8', 0],
  ['a UTF-8 sequence cut short', '82 01 61 c3', 'CBOR_UTF8', 2],
  ['a byte string of 2^63 bytes', '5b8000000000000000', 'CBOR_TRUNCATED', 0],
  ['a text of 2^64 - 1 bytes', '7bffffffffffffffff', 'CBOR_TRUNCATED', 0],
  ['an array of 2^63 items', '9b8000000000000000', 'CBOR_TRUNCATED', 0],
  ['a map of 2^63 entries', 'bb8000000000000000', 'CBOR_TRUNCATED', 0],
  ['an array of 2^32 - 1 items', '9affffffff', 'CBOR_TRUNCATED', 0],
  ['reserved additional information 28', '1c', 'CBOR_RESERVED', 0],
  ['an integer of indefinite length', '1f', 'CBOR_RESERVED', 0],
  ['a tag of indefinite length', 'df', 'CBOR_RESERVED', 0],
  ['undefined', 'f7', 'CBOR_SIMPLE', 0],
  ['true in two bytes', 'f815', 'CBOR_SIMPLE', 0],
  ['a half float', 'f93c00', 'CBOR_FLOAT', 0],
  ['a timestamp as a double', 'fb427a7e8ae0000000', 'CBOR_FLOAT', 0],
  ['a tag where none was allowed', 'd2 80', 'CBOR_TAG', 0],
  ['a tag other than those allowed', 'd1 80', 'CBOR_TAG', 0, { tags: [18] }],
  ['a tag of 2^64 - 1', 'dbffffffffffffffff 80', 'CBOR_TAG', 0, { tags: [18] }],
  ['nine arrays inside each other', '81'.repeat(9), 'CBOR_DEPTH', 8],
  ['more items than maxItems', '83 01 02 03', 'CBOR_ITEMS', 3, { maxItems: 3 }],
];

for (const [what, hex, code, at, options] of refused) {
  test(`refuses ${what}`, () => {
    assert.throws(
      () => decodeHex(hex, options),
      (error: unknown) => {
        assert.ok(error instanceof ParseError);
        assert.equal(error.code, code);
        assert.ok(error.message.startsWith(`cbor: at byte ${at}: `), error.message);
        return true;
      },
    );
  });
}

test('names each of its codes in a test', () => {
  const named = new Set(['CBOR_TOO_LARGE', ...refused.map(([, , code]) => code)]);
  assert.deepEqual([...named].sort(), [...CBOR_ERROR_CODES].sort());
});

test('refuses depth bombs of 8,000 and 20,000 levels without a RangeError', () => {
  for (const depth of [8_000, 20_000]) {
    for (const opener of ['81', 'a100', 'd2']) {
      const bomb = parseHex(opener.repeat(depth));
      for (const maxDepth of [8, 64]) {
        assert.throws(() => decodeCbor(bomb, { tags: [18], maxDepth }), { code: 'CBOR_DEPTH' });
      }
    }
  }
});

test('accepts exactly maxDepth levels', () => {
  for (const maxDepth of [1, 8, 64]) {
    const nested = parseHex(`${'81'.repeat(maxDepth - 1)}80`);
    decodeCbor(nested, { maxDepth });
    assert.throws(() => decodeCbor(nested, { maxDepth: maxDepth - 1 }), { code: 'CBOR_DEPTH' });
  }
  assert.throws(() => decodeCbor(Uint8Array.of(0), { maxDepth: 65 }), TypeError);
});

test('refuses an input longer than maxBytes before reading any of it', () => {
  const bytes = new Uint8Array(11).fill(0xff);
  assert.throws(
    () => decodeCbor(bytes, { maxBytes: 10 }),
    (error: unknown) => error instanceof LimitError && error.code === 'CBOR_TOO_LARGE',
  );
  assert.throws(() => decodeCbor(new Uint8Array(1_048_577)), { code: 'CBOR_TOO_LARGE' });
});

test('a hostile length costs no memory', () => {
  const before = process.memoryUsage().arrayBuffers;
  for (const hex of ['5affffffff', '9affffffff', 'baffffffff', '5b00000000ffffffff', '9b001fffffffffffff']) {
    for (let round = 0; round < 100; round += 1) assert.throws(() => decodeHex(hex), ParseError);
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 1_048_576);
});

test('a byte string is a copy: writing into the input afterwards changes nothing', () => {
  for (const input of [parseHex('43010203'), Buffer.from('43010203', 'hex')]) {
    const value = decodeCbor(input) as Uint8Array;
    input.fill(0xff);
    assert.equal(toHex(value), '010203');
  }
});

test('a key named __proto__ is an entry like any other', () => {
  const map = decodeCbor(encodeCbor(new Map([['__proto__', 1]]))) as Map<string, CborValue>;
  assert.equal(map.get('__proto__'), 1);
  assert.equal(({} as Record<string, unknown>)['1'], undefined);
});

test('writes the top-level map as bf..ff when asked, and reads it only when asked', () => {
  const map = new Map<string, CborValue>([['a', new Map([[0, null]])]]);
  const bytes = encodeCbor(map, { indefiniteMap: true });
  assert.equal(toHex(bytes), 'bf6161a100f6ff');
  assert.deepEqual(decodeCbor(bytes, { allowIndefiniteMap: true }), map);
  assert.throws(() => encodeCbor([1], { indefiniteMap: true }), TypeError);
});

test('reads indefinite maps below the top only when told that they may stand everywhere', () => {
  const expected = new Map<number, CborValue>([[1, [new Map<number, CborValue>([[2, new Map()]])]]]);
  assert.deepEqual(decodeHex('bf 01 81 bf 02 bf ff ff ff', { allowIndefiniteMap: 'everywhere' }), expected);
  assert.deepEqual(decodeHex('a1 01 81 bf 02 a0 ff', { allowIndefiniteMap: 'everywhere' }), expected);
});

test('refuses to write what has no single form', () => {
  const cycle: CborValue[] = [];
  cycle.push(cycle);
  const wrong: readonly unknown[] = [
    1.5,
    Number.NaN,
    2 ** 53,
    2n ** 64n,
    -(2n ** 64n) - 1n,
    '\ud800',
    undefined,
    {},
    Symbol('s'),
    new Date(0),
    Object.create(null),
    new CborTag(-1, 0),
    new Map<unknown, number>([
      [1, 1],
      [1n, 2],
    ]),
    new Map([
      [Uint8Array.of(1), 1],
      [Uint8Array.of(1), 2],
    ]),
    new Map([[[1], 1]]),
    cycle,
  ];
  for (const value of wrong) assert.throws(() => encodeCbor(value as CborValue), TypeError);
});

test('writes strings and arrays at each edge of the length forms', () => {
  for (const length of [23, 24, 255, 256, 65_535, 65_536]) {
    const content = new Uint8Array(length).fill(7);
    assert.ok(equalBytes(decodeCbor(encodeCbor(content)) as Uint8Array, content));
    assert.equal(decodeCbor(encodeCbor('x'.repeat(length))), 'x'.repeat(length));
    const items = Array.from({ length }, () => 0);
    assert.deepEqual(decodeCbor(encodeCbor(items), { maxItems: 70_000 }), items);
  }
});

const vectors = join(import.meta.dirname, '../../../../../shared/vectors/attestation');
const absent = !existsSync(vectors) && 'the attestation vectors are not here';

test('real documents re-encode to their own bytes, envelope and payload', { skip: absent }, () => {
  const names = readdirSync(join(vectors, 'real')).filter((name) => name.endsWith('.cbor'));
  assert.ok(names.length > 0);
  const forms = new Set<number>();
  for (const name of names) {
    const bytes = new Uint8Array(readFileSync(join(vectors, 'real', name)));
    const envelope = decodeCbor(bytes, { tags: [18] });
    assert.ok(equalBytes(encodeCbor(envelope), bytes), name);
    const payload = (envelope as readonly CborValue[])[2] as Uint8Array;
    const indefiniteMap = payload[0] === 0xbf;
    const map = decodeCbor(payload, { allowIndefiniteMap: true });
    assert.ok(equalBytes(encodeCbor(map, { indefiniteMap }), payload), name);
    forms.add(payload[0] ?? 0);
    assert.throws(() => decodeCbor(concatBytes(payload, Uint8Array.of(0)), { allowIndefiniteMap: true }), CaissonError);
  }
  assert.deepEqual([...forms].sort(), [0xa9, 0xbf]);
});

test('refuses every document whose fault the vectors class as CBOR', {
  skip: absent,
}, () => {
  const manifest = JSON.parse(readFileSync(join(vectors, 'manifest.json'), 'utf8')) as Manifest;
  const cases = manifest.entries.filter(({ expect }) => expect.cls === 'CBOR');
  assert.ok(cases.length > 10);
  for (const { file } of cases) {
    const bytes = new Uint8Array(readFileSync(join(vectors, file)));
    assert.throws(
      () => {
        const envelope = decodeCbor(bytes, { tags: [18] });
        const payload = (envelope as readonly CborValue[])[2];
        if (payload instanceof Uint8Array) decodeCbor(payload, { allowIndefiniteMap: true });
      },
      ParseError,
      file,
    );
  }
});

interface Manifest {
  readonly entries: readonly { readonly file: string; readonly expect: { readonly cls?: string } }[];
}

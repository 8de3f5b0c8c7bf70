// The strict reader against JSON.parse as the oracle, and against everything that JSON.parse lets pass.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isJsonArray, isJsonObject, JsonNumber, type JsonValue, parseStrictJson } from './index.ts';

const limits = { maxBytes: 1 << 20 };
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string): JsonValue => parseStrictJson(bytesOf(text), limits);
const refuses = (text: string, code: string, message: RegExp): void =>
  assert.throws(() => read(text), { code, message }, text);

/** What JSON.parse would have made of it. */
function plain(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return Number(value.literal);
  if (isJsonArray(value)) return value.map(plain);
  if (isJsonObject(value)) return Object.fromEntries([...value].map(([key, member]) => [key, plain(member)]));
  return value;
}

test('reads every document that JSON.stringify writes, to the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(0, 1, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      assert.deepEqual(plain(read(text)), JSON.parse(text));
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test('accepts a text exactly when JSON.parse does, duplicate keys apart', () => {
  const alphabet = ['{', '}', '[', ']', ':', ',', '"', '\\', 'u0041', 'n', '1', '-', '.', '0', 'e', '+', ' ', '\n'];
  const words = [
    ...alphabet,
    'true',
    'false',
    'null',
    '"a"',
    '\u0001',
    '\ufeff',
    'é',
    '"\\ud800"',
    '\u00a0',
    '0x1',
    'NaN',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words), { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      let expected: unknown;
      let valid = true;
      try {
        expected = JSON.parse(text);
      } catch {
        valid = false;
      }
      let value: JsonValue;
      try {
        value = read(text);
      } catch (error) {
        const { code } = error as { code: string };
        if (valid) assert.equal(code, 'CONFIG_DUPLICATE_KEY', text);
        else assert.ok(code === 'CONFIG_SYNTAX' || code === 'CONFIG_DUPLICATE_KEY', text);
        return;
      }
      assert.ok(valid, text);
      assert.deepEqual(plain(value), expected);
    }),
    { seed: 1, numRuns: 20000 },
  );
});

test('throws only its own errors for any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        parseStrictJson(bytes, limits);
      } catch (error) {
        assert.match((error as { code: string }).code, /^CONFIG_(?:UTF8|SYNTAX|DUPLICATE_KEY)$/);
      }
    }),
    { seed: 1, numRuns: 5000 },
  );
});

test('refuses a key given twice at any level and names its path', () => {
  refuses('{"a":1,"a":2}', 'CONFIG_DUPLICATE_KEY', /^JSON key a is given twice, again at byte 7, line 1, column 8$/);
  refuses('{"x":[{"b":{"c":0,"\\u0063":1}}]}', 'CONFIG_DUPLICATE_KEY', /^JSON key x\[0\]\.b\.c is given twice/);
  refuses('{"odd key":1,"odd key":1}', 'CONFIG_DUPLICATE_KEY', /^JSON key \["odd key"\] is given twice/);
  refuses('{"__proto__":1,"__proto__":1}', 'CONFIG_DUPLICATE_KEY', /__proto__/);
});

test('keeps __proto__ and constructor as plain keys', () => {
  const value = read('{"__proto__":{"polluted":true},"constructor":1}');
  assert.ok(isJsonObject(value));
  assert.deepEqual([...value.keys()], ['__proto__', 'constructor']);
  assert.equal((Object.prototype as { polluted?: boolean }).polluted, undefined);
});

test('keeps the letters of a number and knows which are plain integers', () => {
  const literals = ['0', '7', '9007199254740991', '9007199254740992', '1.0', '1e2', '-0', '-1', '1e400', '0.5'];
  const value = read(`[${literals.join(',')}]`);
  assert.ok(isJsonArray(value));
  const numbers = value.map((item) => item as JsonNumber);
  assert.deepEqual(
    numbers.map((number) => number.literal),
    literals,
  );
  assert.deepEqual(
    numbers.map((number) => number.unsigned),
    [0, 7, 9007199254740991, ...Array<undefined>(7).fill(undefined)],
  );
});

test('names byte, line and column of a syntax fault', () => {
  refuses('{"é":\n  1,,}', 'CONFIG_SYNTAX', /key in double quotes here, got "," at byte 11, line 2, column 5$/);
  refuses('', 'CONFIG_SYNTAX', /must have a value here, got the end at byte 0, line 1, column 1$/);
  refuses('{} {}', 'CONFIG_SYNTAX', /must end after the first value, got "\{" at byte 3/);
  refuses('[1 2]', 'CONFIG_SYNTAX', /comma or a closing bracket here, got "2"/);
  refuses('{"a" 1}', 'CONFIG_SYNTAX', /colon after the key here/);
  refuses('"\\x"', 'CONFIG_SYNTAX', /known escape here/);
  refuses('"a\nb"', 'CONFIG_SYNTAX', /closed string without control characters here, got "\\n"/);
  refuses('\ufeff{}', 'CONFIG_SYNTAX', /at byte 0/);
});

test('refuses bytes that are not UTF-8', () => {
  for (const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xc0, 0xaf, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
  ]) {
    assert.throws(() => parseStrictJson(Uint8Array.from(bytes), limits), { code: 'CONFIG_UTF8' });
  }
});

test('refuses one byte more than maxBytes, and takes maxBytes', () => {
  const text = '[1,2]';
  assert.ok(parseStrictJson(bytesOf(text), { maxBytes: 5 }));
  assert.throws(() => parseStrictJson(bytesOf(text), { maxBytes: 4 }), {
    code: 'CONFIG_TOO_LARGE',
    message: 'JSON text must have at most 4 bytes, got 5',
  });
});

test('refuses one level more than maxDepth without using up the stack', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  assert.ok(read(nested(128)));
  refuses(nested(129), 'CONFIG_DEPTH', /at most 128 deep, got 129 at byte 128/);
  refuses('{"a":'.repeat(100_000), 'CONFIG_DEPTH', /below a\.a\.a/);
});

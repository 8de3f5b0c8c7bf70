// Hex, base64 and UTF-8 against Node's own, and what they refuse.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, equalBytes, parseBase64, parseHex, toBase64, toHex, toUtf8, utf8Text } from './index.ts';

const sure = { seed: 1, numRuns: 300 };

test('hex and base64 agree with Node and read back what they wrote', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.equal(toHex(bytes), Buffer.from(bytes).toString('hex'));
      assert.equal(toBase64(bytes), Buffer.from(bytes).toString('base64'));
      assert.deepEqual(parseHex(toHex(bytes)), bytes);
      assert.deepEqual(parseHex(toHex(bytes).toUpperCase()), bytes);
      assert.deepEqual(parseBase64(toBase64(bytes)), bytes);
    }),
    sure,
  );
});

test('base64 of more than one slice is one text', () => {
  const bytes = new Uint8Array(100_000).map((_, index) => index);
  assert.equal(toBase64(bytes), Buffer.from(bytes).toString('base64'));
});

test('refuses hex of odd length and names the offset of a stray character', () => {
  assert.throws(() => parseHex('abc'), { code: 'BYTES_HEX', message: /even length, got 3/ });
  assert.throws(() => parseHex('00zz'), { code: 'BYTES_HEX', message: /offset 2/ });
  for (const text of ['0x', ' 00', '00 ', '0\u0660']) assert.throws(() => parseHex(text), { code: 'BYTES_HEX' });
});

test('refuses base64 with white space, missing padding, or the other alphabet', () => {
  for (const text of ['AA=', 'A', 'AAA', 'AA==\n', ' AA==', 'A-_=', 'AA==AA==']) {
    assert.throws(() => parseBase64(text), { code: 'BYTES_BASE64' }, text);
  }
});

test('refuses bytes that are not UTF-8 instead of replacing them, and keeps a byte order mark', () => {
  for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
    assert.throws(() => utf8Text(Uint8Array.from(bad)), { code: 'BYTES_UTF8' });
  }
  assert.equal(utf8Text(Uint8Array.from([0xef, 0xbb, 0xbf, 0x41])), '\ufeffA');
});

test('text survives the way to bytes and back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => assert.equal(utf8Text(toUtf8(text)), text)),
    sure,
  );
});

test('bytes are equal only in length and content', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (left, right) => {
      assert.equal(equalBytes(left, right), Buffer.compare(left, right) === 0);
      assert.ok(equalBytes(left, left.slice()));
      assert.deepEqual(concatBytes(left, right), new Uint8Array(Buffer.concat([left, right])));
    }),
    sure,
  );
});

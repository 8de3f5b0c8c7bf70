// DER: what the cursor accepts is exactly what the writer can write.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseHex, toHex } from '../bytes/index.ts';
import { ParseError } from '../errors/index.ts';
import {
  DER_ERROR_CODES,
  DER_TAG,
  DerCursor,
  derBitString,
  derBoolean,
  derElement,
  derOctets,
  derOid,
  derPrintable,
  derSequence,
  derSet,
  derTime,
  derUnsigned,
  openDer,
} from './index.ts';

const runs = (fast: number): number => (process.env['CAISSON_LANE'] === 'deep' ? fast * 50 : fast);

const cursor = (hex: string): DerCursor => new DerCursor(parseHex(hex), 'value');
const refuses = (code: string, hex: string, take: (input: DerCursor) => unknown): void => {
  assert.throws(
    () => {
      const input = cursor(hex);
      take(input);
      input.end();
    },
    (error) => error instanceof ParseError && error.code === code,
    `${hex} must be refused as ${code}`,
  );
};

test('reads back every length form the writer writes, in its shortest form', () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
    const bytes = derOctets(new Uint8Array(length));
    assert.equal(openDer(derSequence(bytes), DER_TAG.sequence, 'x').takeOctets('y').length, length);
  }
  assert.equal(toHex(derOctets(new Uint8Array(128)).subarray(0, 3)), '048180');
});

test('refuses the indefinite form and every length that is not the shortest', () => {
  assert.throws(() => cursor('30800000').take(DER_TAG.sequence), {
    code: 'DER_LENGTH',
    message: 'value must have a definite length of at most 4 octets, got 0x80',
  });
  refuses('DER_LENGTH', '04817f00', (input) => input.take(DER_TAG.octetString));
  refuses('DER_LENGTH', `048200ff${'00'.repeat(255)}`, (input) => input.take(DER_TAG.octetString));
  refuses('DER_LENGTH', '04850000000001ff', (input) => input.take(DER_TAG.octetString));
  refuses('DER_LENGTH', '0484000000ff', (input) => input.take(DER_TAG.octetString));
});

test('refuses truncation, trailing bytes, another tag and long-form tags', () => {
  refuses('DER_TRUNCATED', '', (input) => input.takeAny());
  refuses('DER_TRUNCATED', '04', (input) => input.takeAny());
  refuses('DER_TRUNCATED', '0402ff', (input) => input.takeAny());
  refuses('DER_TRUNCATED', '0482ff', (input) => input.takeAny());
  refuses('DER_TRUNCATED', '0484ffffffff', (input) => input.takeAny());
  refuses('DER_TRAILING', '040100ff', (input) => input.takeAny());
  refuses('DER_TAG', '0500', (input) => input.take(DER_TAG.octetString));
  refuses('DER_TAG', '1f8100', (input) => input.takeAny());
});

test('names operation, object, observed value and bound in its messages', () => {
  const certificate = new DerCursor(parseHex('0401'), 'certificate');
  assert.throws(() => certificate.take(DER_TAG.octetString, 'serialNumber'), {
    message: 'certificate serialNumber must have 1 content bytes, got 0',
  });
});

test('refuses integers that are negative, padded, empty or too large', () => {
  const take = (input: DerCursor): unknown => input.takeUnsigned('n', 2);
  for (const hex of ['0200', '020180', '02020001', '0203010000']) refuses('DER_VALUE', hex, take);
  assert.equal(toHex(cursor('0203008000').takeUnsigned('n', 2)), '8000');
  refuses('DER_VALUE', '020103', (input) => input.takeSmallInteger('n', 2));
});

test('refuses booleans other than 00 and ff, and bit strings with set or impossible unused bits', () => {
  for (const hex of ['010101', '0100', '0102ffff']) refuses('DER_VALUE', hex, (input) => input.takeBoolean('b'));
  for (const hex of ['0300', '030101', '03020801', '03020101']) {
    refuses('DER_VALUE', hex, (input) => input.takeBitString('b'));
  }
});

test('reads and writes object identifiers, and refuses padded and unfinished arcs', () => {
  for (const oid of ['1.2.840.10045.4.3.3', '2.5.29.15', '0.39', '2.999.1', '1.3.132.0.34']) {
    assert.equal(new DerCursor(derOid(oid), 'oid').takeOid('o'), oid);
  }
  for (const hex of ['0600', '060180', '06022a80', '06032a8001', '06062a8fffffff7f']) {
    refuses('DER_VALUE', hex, (input) => input.takeOid('o'));
  }
  for (const wrong of ['', '1', '3.1', '1.40', '1.2.x', '1.2.-1', '1.2.2147483648'])
    assert.throws(() => derOid(wrong), TypeError);
});

test('reads times of the calendar only, UTCTime to 2049 and GeneralizedTime after', () => {
  for (const iso of ['1950-01-01T00:00:00Z', '2026-11-20T11:00:00Z', '2049-12-31T23:59:59Z', '2050-01-01T00:00:00Z']) {
    const seconds = Date.parse(iso) / 1000;
    assert.equal(new DerCursor(derTime(seconds), 'time').takeTime('t'), seconds);
  }
  const ascii = (text: string): string => toHex(new TextEncoder().encode(text));
  const utc = (text: string): string => `17${text.length.toString(16).padStart(2, '0')}${ascii(text)}`;
  for (const text of [
    '2611201100Z',
    '261120110000',
    '261120110000+0000',
    '260230000000Z',
    '261120240000Z',
    '2611201100000Z',
  ]) {
    refuses('DER_VALUE', utc(text), (input) => input.takeTime('t'));
  }
  refuses('DER_VALUE', `180f${ascii('20261120110000Z')}`, (input) => input.takeTime('t'));
  refuses('DER_VALUE', `1811${ascii('20501120110000.0Z')}`, (input) => input.takeTime('t'));
  refuses('DER_VALUE', `180d${ascii('261120110000Z')}`, (input) => input.takeTime('t'));
  assert.throws(() => derTime(1.5), TypeError);
});

test('writes sets in the order of their octets, and only printable characters into a PrintableString', () => {
  assert.equal(toHex(derSet(derUnsigned(2), derBoolean(true), derUnsigned(1))), '31090101ff020101020102');
  assert.throws(() => derPrintable('a*b'), TypeError);
});

test('property: unsigned integers and bit strings read back as written', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (bytes) => {
      const start = bytes.findIndex((octet) => octet !== 0);
      const magnitude = start < 0 ? Uint8Array.of(0) : bytes.subarray(start);
      assert.deepEqual(new DerCursor(derUnsigned(bytes), 'n').takeUnsigned('n', 60), Uint8Array.from(magnitude));
      assert.deepEqual(new DerCursor(derBitString(bytes), 'b').takeBitString('b').bytes, bytes);
    }),
    { seed: 1, numRuns: runs(300) },
  );
});

test('fuzz: whatever the cursor takes re-encodes to the same bytes, and whatever it refuses is a ParseError of this room', () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const input = new DerCursor(bytes, 'fuzz');
      try {
        const { tag, content } = input.takeAny();
        input.end();
        assert.deepEqual(derElement(tag, content), Uint8Array.from(bytes));
        taken += 1;
      } catch (error) {
        assert.ok(
          error instanceof ParseError && (DER_ERROR_CODES as readonly string[]).includes(error.code),
          String(error),
        );
      }
    }),
    { seed: 1, numRuns: runs(5_000) },
  );
  assert.ok(taken > 0, 'the fuzz must reach the accepting path');
});

// What a CBOR item is in JavaScript, and the codes of what can be wrong with one (RFC 8949).
// The model is small on purpose: no floats, no undefined, no simple values. An attestation document needs none of them,
// and each is a second way to write the same thing (1.7e12 as a float looks like a timestamp).

/** Integers, text and byte strings. Integers within +-(2^53 - 1) are numbers, beyond that bigints, never both. */
export type CborKey = number | bigint | string | Uint8Array;

export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | ReadonlyMap<CborKey, CborValue>
  | CborTag;

/** Major type 6: a number that says what `value` means, for example 18 for COSE_Sign1. */
export class CborTag {
  readonly tag: number;
  readonly value: CborValue;

  constructor(tag: number, value: CborValue) {
    this.tag = tag;
    this.value = value;
  }
}

export const CBOR_ERROR_CODES = [
  'CBOR_TOO_LARGE',
  'CBOR_TRUNCATED',
  'CBOR_TRAILING',
  'CBOR_RESERVED',
  'CBOR_NOT_MINIMAL',
  'CBOR_INDEFINITE',
  'CBOR_BREAK',
  'CBOR_DUPLICATE_KEY',
  'CBOR_KEY_TYPE',
  'CBOR_UTF8',
  'CBOR_FLOAT',
  'CBOR_SIMPLE',
  'CBOR_TAG',
  'CBOR_DEPTH',
  'CBOR_ITEMS',
] as const;
export type CborErrorCode = (typeof CBOR_ERROR_CODES)[number];

/** RFC 8949 section 3.1. */
export const major = {
  unsigned: 0,
  negative: 1,
  bytes: 2,
  text: 3,
  array: 4,
  map: 5,
  tag: 6,
  simple: 7,
} as const;

// Given: RFC 8949 section 3. The low five bits of an initial byte.
export const info = { oneByte: 24, twoBytes: 25, fourBytes: 26, eightBytes: 27, indefinite: 31 } as const;

/** Ends what was opened without a length (RFC 8949 section 3.2.1). */
export const breakByte = 0xff;

// Chosen: no recursion deeper than this whatever a caller asks for, so that no input can exhaust the stack.
export const greatestDepth = 64;

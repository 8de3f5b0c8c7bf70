// Identifier octets (X.690 8.1.2) of the types that certificates, keys and signatures are made of.
// Tag numbers above 30 (the long form) exist in none of them and are refused by the cursor.

// Given: universal class, X.680 table 1; SEQUENCE and SET carry the constructed bit.
export const DER_TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

/** `[number] EXPLICIT` or a constructed `[number] IMPLICIT`. */
export function contextConstructed(number: number): number {
  return 0xa0 | tagNumber(number);
}

/** `[number] IMPLICIT` of a primitive type. */
export function contextPrimitive(number: number): number {
  return 0x80 | tagNumber(number);
}

function tagNumber(number: number): number {
  if (!Number.isInteger(number) || number < 0 || number > 30) {
    throw new TypeError(`context tag must be an integer in 0..30, got ${number}`);
  }
  return number;
}

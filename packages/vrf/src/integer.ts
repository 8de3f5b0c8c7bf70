// Octet strings as integers: OS2IP of RFC 8017 section 4.1, string_to_int of RFC 9381 section 5.5.

/** Big-endian, any length; nothing is reduced. */
export function integerOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

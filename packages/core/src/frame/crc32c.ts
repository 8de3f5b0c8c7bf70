// CRC-32C (Castagnoli, RFC 3720 appendix B.4) over parts of a frame. Not the CRC of an image file (eif/crc32.ts): another
// polynomial, and chosen because hardware and other languages' libraries have it.

// Given: RFC 3720, reflected.
const polynomial = 0x82f6_3b78;

// Four tables let the loop take four bytes a turn.
const tables = createTables();
const [table0, table1, table2, table3] = tables;

/** The CRC of `previous` (0 at first) continued over `bytes[start..end)`; an unsigned number. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, previous = 0): number {
  let crc = ~previous;
  let at = start;
  for (const whole = end - 3; at < whole; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc = table3[crc & 255]! ^ table2[(crc >>> 8) & 255]! ^ table1[(crc >>> 16) & 255]! ^ table0[crc >>> 24]!;
  }
  for (; at < end; at += 1) crc = (crc >>> 8) ^ table0[(crc ^ bytes[at]!) & 255]!;
  return ~crc >>> 0;
}

function createTables(): readonly [Int32Array, Int32Array, Int32Array, Int32Array] {
  const [first, second, third, fourth] = [0, 1, 2, 3].map(() => new Int32Array(256)) as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0);
    first[byte] = crc;
  }
  const step = (crc: number): number => (crc >>> 8) ^ first[crc & 255]!;
  for (let byte = 0; byte < 256; byte += 1) {
    second[byte] = step(first[byte]!);
    third[byte] = step(second[byte]!);
    fourth[byte] = step(third[byte]!);
  }
  return [first, second, third, fourth];
}

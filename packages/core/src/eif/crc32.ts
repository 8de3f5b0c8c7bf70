// CRC-32 as zlib and IEEE 802.3 have it (reflected polynomial 0xEDB88320), eight bytes a step so that an image of some
// hundred megabytes costs less than reading it. It finds damage, never an attacker.

const tables = makeTables();

/** The CRC of what `crc` was the CRC of, followed by `bytes`; 0 is the CRC of nothing. */
export function crc32(bytes: Uint8Array, crc = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
  let state = ~crc;
  let at = 0;
  for (const last = bytes.length - 8; at <= last; at += 8) {
    state ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    state =
      t7![state & 255]! ^
      t6![(state >>> 8) & 255]! ^
      t5![(state >>> 16) & 255]! ^
      t4![state >>> 24]! ^
      t3![bytes[at + 4]!]! ^
      t2![bytes[at + 5]!]! ^
      t1![bytes[at + 6]!]! ^
      t0![bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at += 1) state = t0![(state ^ bytes[at]!) & 255]! ^ (state >>> 8);
  return ~state >>> 0;
}

/**
 * The CRC of two runs of bytes, one after the other, from the CRC of each. Appending a zero bit is a linear step on the 32 bits of a CRC; `bytes`
 * times eight of them are taken by squaring its matrix, so that a header that is known last costs no second pass over what follows it.
 */
export function combineCrc32(first: number, second: number, bytes: number): number {
  // Column n is what bit n becomes after one more zero bit.
  let matrix = Array.from({ length: 32 }, (_, bit) => (bit === 0 ? 0xedb88320 : (1 << (bit - 1)) >>> 0));
  let state = first;
  const square = (): void => {
    matrix = matrix.map((column) => times(matrix, column));
  };
  for (let step = 0; step < 3; step += 1) square();
  for (let left = bytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) state = times(matrix, state);
    square();
  }
  return (state ^ second) >>> 0;
}

function times(matrix: readonly number[], vector: number): number {
  let sum = 0;
  for (let bit = 0; bit < 32; bit += 1) if ((vector >>> bit) & 1) sum ^= matrix[bit]!;
  return sum >>> 0;
}

/** tables[n][b]: what byte b has become after n further zero bytes. */
function makeTables(): Uint32Array[] {
  const first = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    first[byte] = value;
  }
  const all = [first];
  for (let depth = 1; depth < 8; depth += 1) {
    all.push(all[depth - 1]!.map((value) => (value >>> 8) ^ first[value & 255]!));
  }
  return all;
}

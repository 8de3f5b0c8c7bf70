// What both sides agree on.

/** Type of a request on the channel: records in, masked records back. */
export const MASK = 32;

export const maxNaiveBytes = 65_536;

/** u32 big endian length, body. */
export function naiveFrame(body: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

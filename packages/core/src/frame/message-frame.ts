// The frame of the message channel (docs/wire/channel.md): u32 length, u8 type, u8 flags, u32 id, payload, and a CRC-32C
// where the flag says so. Here stands the form of one frame; what types mean is the channel's.
import { crc32c } from './crc32c.ts';

// Given: docs/wire/channel.md.
/** Bytes before the payload, the length included. */
export const MESSAGE_HEADER_BYTES = 10;
export const MESSAGE_CRC_BYTES = 4;
/** What a frame's length says at least: type, flags and id. */
export const MESSAGE_MIN_LENGTH = 6;
export const MESSAGE_FLAG_LAST = 1;
export const MESSAGE_FLAG_CRC = 2;
export const MESSAGE_MAX_FRAME_BYTES = 1_048_576;

export interface MessageFrame {
  readonly type: number;
  readonly last: boolean;
  readonly id: number;
  readonly payload: Uint8Array;
}

/** Writes length, type, flags and id at `at`. The length counts the CRC if the flag is set. */
export function writeMessageHeader(
  target: Uint8Array,
  at: number,
  type: number,
  flags: number,
  id: number,
  payloadBytes: number,
): void {
  const length = MESSAGE_MIN_LENGTH + payloadBytes + (flags & MESSAGE_FLAG_CRC ? MESSAGE_CRC_BYTES : 0);
  writeUint32(target, at, length);
  target[at + 4] = type;
  target[at + 5] = flags;
  writeUint32(target, at + 6, id);
}

/** Stores, not a DataView: this runs once a message, and a view costs more than the four bytes. */
export function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

export function readUint32(source: Uint8Array, at: number): number {
  return ((source[at]! << 24) | (source[at + 1]! << 16) | (source[at + 2]! << 8) | source[at + 3]!) >>> 0;
}

/** One whole frame as an array of its own: for tests, pages and single frames. The channel writes into its slab. */
export function encodeMessageFrame(
  frame: { readonly type: number; readonly last?: boolean; readonly id: number; readonly payload?: Uint8Array },
  options: { readonly crc?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const payload = frame.payload ?? new Uint8Array();
  const crcBytes = options.crc === true ? MESSAGE_CRC_BYTES : 0;
  const flags = (frame.last === true ? MESSAGE_FLAG_LAST : 0) | (crcBytes > 0 ? MESSAGE_FLAG_CRC : 0);
  const bytes = new Uint8Array(MESSAGE_HEADER_BYTES + payload.length + crcBytes);
  writeMessageHeader(bytes, 0, frame.type, flags, frame.id, payload.length);
  bytes.set(payload, MESSAGE_HEADER_BYTES);
  const end = MESSAGE_HEADER_BYTES + payload.length;
  if (crcBytes > 0) writeUint32(bytes, end, crc32c(bytes, 4, end));
  return bytes;
}

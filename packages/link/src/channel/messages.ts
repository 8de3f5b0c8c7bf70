// What both ends of a message channel agree on (docs/wire/channel.md): frame types, bounds, and the small payloads of the
// channel's own frames.
import { type CborValue, decodeCbor, encodeCbor } from '@caisson/core/cbor';
import { CaissonError, ParseError } from '@caisson/core/errors';
import { MESSAGE_MAX_FRAME_BYTES, readUint32, writeUint32 } from '@caisson/core/frame';
import type { ChannelErrorCode } from './error-code.ts';

// Given: docs/wire/channel.md.
export const frameType = {
  hello: 1,
  request: 2,
  reply: 3,
  error: 4,
  cancel: 5,
  data: 6,
  credit: 7,
  ping: 8,
  pong: 9,
  goAway: 10,
  close: 11,
} as const;
export const CHANNEL_VERSION = 1;
/** Types of requests: the channel keeps 0..31, and 0x7B (`{`) is never a type. */
export const FIRST_REQUEST_TYPE = 32;
export const LAST_REQUEST_TYPE = 255;
export const JSON_MARK = 0x7b;
/** What every end takes before it has heard the other's HELLO, and so the least that a HELLO may say. */
export const helloFloorBytes = 65_536;
/** What a request costs of the window beside its frame: memory that the receiver spends on an empty one. */
export const requestCostBytes = 64;
/** A write of a stream up to this size arrives as one chunk. */
export const MAX_CHUNK_BYTES = 32_768;
export const pingBytes = 8;
/** An end that was never told of a request's id by its number; 0 is the connection itself. */
export const connectionId = 0;
export const maxId = 0xffff_ffff;

// Chosen: what the payloads of the channel's own frames may cost.
const maxHelloBytes = 256;
const maxVersions = 16;
const maxWindowBytes = 1_073_741_824;

export interface Hello {
  readonly versions: readonly number[];
  readonly maxFrameBytes: number;
  readonly windowBytes: number;
  readonly crc: boolean;
}

export function encodeHello(hello: Hello): Uint8Array {
  const entries: [number, CborValue][] = [
    [1, hello.versions],
    [2, hello.maxFrameBytes],
    [3, hello.windowBytes],
    [4, hello.crc],
  ];
  return encodeCbor(new Map(entries));
}

/** Throws ParseError CHANNEL_HELLO. Keys of later versions are passed over. */
export function parseHello(payload: Uint8Array): Hello {
  let root: CborValue;
  try {
    root = decodeCbor(payload, { maxBytes: maxHelloBytes, maxDepth: 3, maxItems: 64 });
  } catch (cause) {
    if (!(cause instanceof CaissonError)) throw cause;
    throw new ParseError<ChannelErrorCode>('CHANNEL_HELLO', `HELLO must be CBOR: ${cause.message}`, { cause });
  }
  if (!(root instanceof Map)) throw helloFault('be a map');
  const versions: unknown = root.get(1);
  if (!Array.isArray(versions) || versions.length > maxVersions || !versions.every(Number.isSafeInteger)) {
    throw helloFault(`list at most ${maxVersions} versions under 1`);
  }
  const crc: unknown = root.get(4);
  if (typeof crc !== 'boolean') throw helloFault('say under 4 whether frames carry a CRC');
  return {
    versions: versions as number[],
    maxFrameBytes: integer(root.get(2), 'the largest frame under 2', MESSAGE_MAX_FRAME_BYTES),
    windowBytes: integer(root.get(3), 'the window under 3', maxWindowBytes),
    crc,
  };
}

function integer(value: unknown, what: string, highest: number): number {
  if (typeof value === 'number' && value >= helloFloorBytes && value <= highest) return value;
  throw helloFault(`have ${what} in ${helloFloorBytes}..${highest}, got ${String(value)}`);
}

function helloFault(must: string): ParseError<ChannelErrorCode> {
  return new ParseError('CHANNEL_HELLO', `HELLO must ${must}`);
}

/** CREDIT and GOAWAY carry one u32. */
export function encodeUint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeUint32(bytes, 0, value);
  return bytes;
}

/** Throws ParseError CHANNEL_PROTOCOL. */
export function parseUint32(payload: Uint8Array, frame: string): number {
  if (payload.length === 4) return readUint32(payload, 0);
  throw new ParseError<ChannelErrorCode>('CHANNEL_PROTOCOL', `${frame} must have 4 bytes, got ${payload.length}`);
}

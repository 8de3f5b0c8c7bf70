// What a channel can be told, and the bounds that hold when it is told nothing.
import { MESSAGE_MAX_FRAME_BYTES } from '@caisson/core/frame';
import type { AnswerJson } from './json-server.ts';
import { helloFloorBytes, MAX_CHUNK_BYTES } from './messages.ts';
import { checkBuckets } from './pad.ts';

export interface ChannelOptions {
  /** Who opened the connection: the dialler speaks first and numbers its requests odd. */
  readonly role: 'dialler' | 'listener';
  /** Largest frame that this end takes, 65,536..1,048,576. Default 1,048,576. */
  readonly maxFrameBytes?: number;
  /** Bytes of requests that the other end may have outstanding here, from 65,536. Default 1,048,576. */
  readonly windowBytes?: number;
  /** True: every frame of both ends carries a CRC-32C. Default false. */
  readonly crc?: boolean;
  /** Sizes, rising, to which writes are filled up, so that the parent learns less from lengths. Default none. */
  readonly padTo?: readonly number[];
  /**
   * Bytes in one write. Default 262,144: the vsock sockets of @caisson/sys cut each into system calls of at most 32,768. Over TLS, which
   * passes that cut by and adds bytes of its own, 31,744.
   */
  readonly maxWriteBytes?: number;
  /** Bytes of a request or a reply that is not a stream. Default 1,048,576. */
  readonly maxMessageBytes?: number;
  /** Bytes of a stream that may wait here for its reader. Default 262,144; at least 131,072. */
  readonly streamWindowBytes?: number;
  /** Requests of the other end with a body beyond their first frame that get credit at once. Default 64. */
  readonly maxStreams?: number;
  /** Handlers at work at once; more requests wait. Default 256. */
  readonly maxRunning?: number;
  /** For requests that name none. Default 30,000; 0 is none. */
  readonly deadlineMs?: number;
  /** Until the other end's HELLO. Default 10,000. */
  readonly helloTimeoutMs?: number;
  /** From the first byte of a frame to its last. Default 30,000. */
  readonly frameTimeoutMs?: number;
  /** In which the socket must take a write. Default 30,000. */
  readonly writeTimeoutMs?: number;
  /** Silence after which a busy connection is asked for a sign of life; twice that ends it. Default 15,000; 0 never asks. */
  readonly keepAliveMs?: number;
  /** Silence after which a connection without requests is closed. Default 600,000 for a listener, none (0) for a dialler. */
  readonly idleTimeoutMs?: number;
  /** A listener with this also answers the JSON form on the same port. */
  readonly json?: AnswerJson;
}

export type ChannelSettings = Required<Omit<ChannelOptions, 'json'>> & { readonly json: AnswerJson | undefined };

// Given: docs/wire/addresses.md, no vsock write above 32 KiB.
const vsockWriteBytes = 32_768;
// RFC 8446 section 5: a record of at most 16,384 bytes costs 5 + 1 + 16 more. 1 KiB is room for 46 records.
const tlsRoomBytes = 1_024;

// Chosen: a whole slab.
const plainWriteBytes = 262_144;

const greatestTimeoutMs = 2_147_483_647;

/** Throws TypeError for what cannot be. */
export function settle(options: ChannelOptions, encrypted: boolean): ChannelSettings {
  const { role } = options;
  if (role !== 'dialler' && role !== 'listener') {
    throw new TypeError(`role must be dialler or listener, got ${String(role)}`);
  }
  if (options.json !== undefined && role === 'dialler') throw new TypeError('json is for the role listener');
  const padTo = options.padTo ?? [];
  checkBuckets(padTo);
  const count = (name: keyof ChannelOptions, standard: number, least: number, most: number): number => {
    const value = options[name] ?? standard;
    if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return value as number;
    throw new TypeError(`${name} must be an integer in ${least}..${most}, got ${String(value)}`);
  };
  const time = (name: keyof ChannelOptions, standard: number): number => count(name, standard, 0, greatestTimeoutMs);
  return {
    role,
    padTo,
    json: options.json,
    crc: options.crc ?? false,
    maxFrameBytes: count('maxFrameBytes', MESSAGE_MAX_FRAME_BYTES, helloFloorBytes, MESSAGE_MAX_FRAME_BYTES),
    windowBytes: count('windowBytes', 1_048_576, helloFloorBytes, 1_073_741_824),
    maxWriteBytes: count('maxWriteBytes', encrypted ? vsockWriteBytes - tlsRoomBytes : plainWriteBytes, 1, 2 ** 30),
    maxMessageBytes: count('maxMessageBytes', 1_048_576, 0, 2 ** 31 - 1),
    streamWindowBytes: count('streamWindowBytes', 262_144, 4 * MAX_CHUNK_BYTES, 2 ** 30),
    maxStreams: count('maxStreams', 64, 1, 65_536),
    maxRunning: count('maxRunning', 256, 1, 65_536),
    deadlineMs: time('deadlineMs', 30_000),
    helloTimeoutMs: time('helloTimeoutMs', 10_000),
    frameTimeoutMs: time('frameTimeoutMs', 30_000),
    writeTimeoutMs: time('writeTimeoutMs', 30_000),
    keepAliveMs: time('keepAliveMs', 15_000),
    idleTimeoutMs: time('idleTimeoutMs', role === 'listener' ? 600_000 : 0),
  };
}

// The length-prefixed frame of every small protocol here: u32 big endian, then that many bytes.
// The reader holds at most twice what has really arrived: an announced length is checked, and then only waited for.
import { LimitError, ParseError } from '../errors/index.ts';

export const FRAME_ERROR_CODES = ['FRAME_TOO_LARGE', 'FRAME_TRUNCATED'] as const;
export type FrameErrorCode = (typeof FRAME_ERROR_CODES)[number];

export interface FrameReaderOptions {
  /** Payload bytes of one frame, without its header. */
  readonly maxBytes: number;
  /** What the frames are, for messages. Default `frame`. */
  readonly name?: string;
}

export const FRAME_HEADER_BYTES = 4;

// Chosen: a reader that has been drained gives a greater buffer than this back.
const keptBytes = 4096;

/** Header and payload in one array, so that one write sends both. */
export function encodeFrame(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  if (payload.length > 0xffff_ffff)
    throw new TypeError(`a frame must have at most 2^32 - 1 bytes, got ${payload.length}`);
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  new DataView(frame.buffer).setUint32(0, payload.length);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

/** Bytes in, as they come; whole frames out, when they are asked for. Its caller sets the deadlines. */
export class FrameReader {
  readonly #maxBytes: number;
  readonly #name: string;
  #buffer = new Uint8Array(0);
  #start = 0;
  #end = 0;

  /** Throws TypeError unless `maxBytes` is an integer in 0..2^32 - 1. */
  constructor({ maxBytes, name = 'frame' }: FrameReaderOptions) {
    if (!Number.isInteger(maxBytes) || maxBytes < 0 || maxBytes > 0xffff_ffff) {
      throw new TypeError(`maxBytes must be an integer in 0..4294967295, got ${maxBytes}`);
    }
    this.#maxBytes = maxBytes;
    this.#name = name;
  }

  /** Bytes that are here and belong to no frame that was handed out. Not zero at the end of a stream: it was cut. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /** Takes a copy of `chunk`. */
  push(chunk: Uint8Array): void {
    this.#reserve(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The payload of the next frame as an array of its own, or undefined until more was pushed. Throws LimitError
   * FRAME_TOO_LARGE as soon as a header announces more than `maxBytes`, and from then on: the stream has lost its place.
   */
  next(): Uint8Array<ArrayBuffer> | undefined {
    if (this.pendingBytes < FRAME_HEADER_BYTES) return undefined;
    const length = new DataView(this.#buffer.buffer, this.#start).getUint32(0);
    if (length > this.#maxBytes) {
      throw new LimitError<FrameErrorCode>(
        'FRAME_TOO_LARGE',
        `${this.#name} must have at most ${this.#maxBytes} bytes, its header announces ${length}`,
      );
    }
    if (this.pendingBytes < FRAME_HEADER_BYTES + length) return undefined;
    const begin = this.#start + FRAME_HEADER_BYTES;
    const payload = this.#buffer.slice(begin, begin + length);
    this.#start = begin + length;
    this.#release();
    return payload;
  }

  /** What is here beyond the frames handed out, for a stream that goes on in another form. Leaves the reader empty. */
  takeRest(): Uint8Array<ArrayBuffer> {
    const rest = this.#buffer.slice(this.#start, this.#end);
    this.#start = this.#end;
    this.#release();
    return rest;
  }

  /** To be called at the end of the stream. Throws ParseError FRAME_TRUNCATED inside a frame. */
  end(): void {
    if (this.pendingBytes === 0) return;
    const { pendingBytes } = this;
    const announced =
      pendingBytes < FRAME_HEADER_BYTES
        ? `its ${FRAME_HEADER_BYTES}-byte header`
        : `${new DataView(this.#buffer.buffer, this.#start).getUint32(0)} announced bytes`;
    const got = pendingBytes < FRAME_HEADER_BYTES ? pendingBytes : pendingBytes - FRAME_HEADER_BYTES;
    throw new ParseError<FrameErrorCode>('FRAME_TRUNCATED', `${this.#name} ended after ${got} of ${announced}`);
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#buffer.length) return;
    const held = this.pendingBytes;
    // Moving to the front is worth it only when that frees half: each byte then moves a bounded number of times.
    if (held + count <= this.#buffer.length / 2) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
    } else {
      const grown = new Uint8Array(Math.max(held + count, held * 2));
      grown.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = grown;
    }
    this.#start = 0;
    this.#end = held;
  }

  #release(): void {
    if (this.#start !== this.#end) return;
    this.#start = 0;
    this.#end = 0;
    if (this.#buffer.length > keptBytes) this.#buffer = new Uint8Array(0);
  }
}

// Splits a stream into frames of the message channel. A payload that lies whole in a chunk is a view of that chunk and never
// copied; one that spans chunks is gathered in a buffer that grows with what has arrived, at most twice as great, never with what
// a header announces. Payloads of one type may be handed out in pieces instead, as they come.
import { LimitError, ParseError } from '../errors/index.ts';
import { crc32c } from './crc32c.ts';
import {
  MESSAGE_CRC_BYTES,
  MESSAGE_FLAG_CRC,
  MESSAGE_FLAG_LAST,
  MESSAGE_HEADER_BYTES,
  MESSAGE_MIN_LENGTH,
  readUint32,
} from './message-frame.ts';

export const MESSAGE_FRAME_ERROR_CODES = [
  'FRAME_CRC',
  'FRAME_FLAGS',
  'FRAME_LENGTH',
  'FRAME_TOO_LARGE',
  'FRAME_TRUNCATED',
] as const;
export type MessageFrameErrorCode = (typeof MESSAGE_FRAME_ERROR_CODES)[number];

/**
 * Called for each frame in turn. `payload` may be kept; it then keeps the chunk that it is a part of (up to 64 KiB). `more`: the payload goes on
 * in the next call, and only the call without it has `last`.
 */
export type MessageSink = (type: number, last: boolean, id: number, payload: Uint8Array, more: boolean) => void;

const knownFlags = MESSAGE_FLAG_LAST | MESSAGE_FLAG_CRC;
const lengthBytes = 4;
// Chosen: smaller pieces cost more than they save, and a sender of single bytes would make one of each.
const leastPieceBytes = 4_096;

export class MessageReader {
  readonly #sink: MessageSink;
  readonly #pieceType: number | undefined;
  /** Largest length that a header may announce. */
  maxFrameBytes: number;
  /** True: a frame without a CRC is refused. */
  requireCrc = false;
  /** Frames handed out so far. */
  frames = 0;
  #held = new Uint8Array(0);
  #heldBytes = 0;
  /** Of a frame in pieces: the bytes that were handed out, those to come, and what its header said. */
  #givenBytes = 0;
  #leftBytes = 0;
  #pieceId = 0;
  #pieceLast = false;
  #stopped = false;

  /** `pieceType`: frames of it that have no CRC come in pieces. */
  constructor(sink: MessageSink, options: { readonly maxFrameBytes: number; readonly pieceType?: number }) {
    this.#sink = sink;
    this.maxFrameBytes = options.maxFrameBytes;
    this.#pieceType = options.pieceType;
  }

  /** Bytes of a frame that is not complete. */
  get pendingBytes(): number {
    return this.#givenBytes + this.#heldBytes;
  }

  /** The sink wants no more: the rest of the chunk in hand is dropped. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Calls the sink for each frame that `chunk` completes. Throws ParseError FRAME_CRC, FRAME_FLAGS or FRAME_LENGTH, or LimitError
   * FRAME_TOO_LARGE: then the stream has lost its place and the reader is of no more use.
   */
  push(chunk: Uint8Array): void {
    let at = 0;
    if (this.#leftBytes > 0) at = this.#goOn(chunk);
    else if (this.#heldBytes > 0) at = this.#complete(chunk);
    let announced = MESSAGE_HEADER_BYTES;
    while (!this.#stopped) {
      const left = chunk.length - at;
      if (left < lengthBytes) break;
      const total = lengthBytes + this.#lengthAt(chunk, at);
      announced = total;
      if (left < total) break;
      this.#deliver(chunk, at, total);
      at += total;
    }
    if (at === chunk.length || this.#stopped) return;
    if (!this.#begin(chunk, at, announced)) this.#hold(chunk, at, chunk.length, announced);
  }

  /** To be called at the end of the stream. Throws ParseError FRAME_TRUNCATED inside a frame. */
  end(): void {
    const bytes = this.pendingBytes;
    if (bytes === 0) return;
    const total = this.#leftBytes > 0 ? this.#givenBytes + this.#leftBytes : lengthBytes + readUint32(this.#held, 0);
    const announced = bytes < lengthBytes ? 'its 4-byte length' : `${total} bytes`;
    throw new ParseError<MessageFrameErrorCode>('FRAME_TRUNCATED', `frame ended after ${bytes} of ${announced}`);
  }

  /** Finishes the frame that was begun before this chunk; says how many bytes of the chunk it took. */
  #complete(chunk: Uint8Array): number {
    let at = 0;
    if (this.#heldBytes < lengthBytes) {
      at = Math.min(lengthBytes - this.#heldBytes, chunk.length);
      this.#hold(chunk, 0, at, MESSAGE_HEADER_BYTES);
      if (this.#heldBytes < lengthBytes) return at;
    }
    const total = lengthBytes + this.#lengthAt(this.#held, 0);
    const missing = total - this.#heldBytes;
    const end = Math.min(chunk.length, at + missing);
    this.#hold(chunk, at, end, total);
    if (this.#heldBytes < total) return end;
    const frame = this.#held;
    // The payload is a view of this buffer: it is given away, not used again.
    this.#held = new Uint8Array(0);
    this.#heldBytes = 0;
    this.#deliver(frame, 0, total);
    return end;
  }

  /** The first piece of a frame that goes on in the next chunk. False: it is not to be had in pieces, or not yet. */
  #begin(chunk: Uint8Array, at: number, total: number): boolean {
    const bytes = chunk.length - at;
    const type = this.#pieceType;
    if (type === undefined || bytes < MESSAGE_HEADER_BYTES + leastPieceBytes || chunk[at + 4] !== type) return false;
    const flags = chunk[at + 5]!;
    if ((flags & ~MESSAGE_FLAG_LAST) !== 0 || this.requireCrc) return false;
    this.#pieceId = readUint32(chunk, at + 6);
    this.#pieceLast = flags !== 0;
    this.#givenBytes = bytes;
    this.#leftBytes = total - bytes;
    this.#sink(type, false, this.#pieceId, chunk.subarray(at + MESSAGE_HEADER_BYTES), true);
    return true;
  }

  /** Says how many bytes of the chunk belong to the frame that is handed out in pieces. */
  #goOn(chunk: Uint8Array): number {
    const bytes = Math.min(chunk.length, this.#leftBytes - this.#heldBytes);
    const isEnd = this.#heldBytes + bytes === this.#leftBytes;
    let piece = bytes === chunk.length ? chunk : chunk.subarray(0, bytes);
    if (this.#heldBytes > 0 || (bytes < leastPieceBytes && !isEnd)) {
      this.#hold(chunk, 0, bytes, Math.min(leastPieceBytes, this.#leftBytes));
      if (this.#heldBytes < leastPieceBytes && !isEnd) return bytes;
      piece = this.#held.subarray(0, this.#heldBytes);
      this.#held = new Uint8Array(0);
      this.#heldBytes = 0;
    }
    this.#leftBytes -= piece.length;
    this.#givenBytes = isEnd ? 0 : this.#givenBytes + piece.length;
    if (isEnd) this.frames += 1;
    this.#sink(this.#pieceType!, isEnd && this.#pieceLast, this.#pieceId, piece, !isEnd);
    return bytes;
  }

  #lengthAt(source: Uint8Array, at: number): number {
    const length = readUint32(source, at);
    if (length > this.maxFrameBytes) {
      throw new LimitError<MessageFrameErrorCode>(
        'FRAME_TOO_LARGE',
        `frame must have at most ${this.maxFrameBytes} bytes, its header announces ${length}`,
      );
    }
    if (length < MESSAGE_MIN_LENGTH) {
      throw new ParseError<MessageFrameErrorCode>(
        'FRAME_LENGTH',
        `frame must have at least ${MESSAGE_MIN_LENGTH} bytes, its header announces ${length}`,
      );
    }
    return length;
  }

  #deliver(source: Uint8Array, at: number, total: number): void {
    const flags = source[at + 5]!;
    let end = at + total;
    if ((flags & ~knownFlags) !== 0) {
      throw new ParseError<MessageFrameErrorCode>('FRAME_FLAGS', `frame flags must be 0..3, got ${flags}`);
    }
    if ((flags & MESSAGE_FLAG_CRC) !== 0) {
      end -= MESSAGE_CRC_BYTES;
      this.#checkCrc(source, at, end);
    } else if (this.requireCrc) {
      throw new ParseError<MessageFrameErrorCode>('FRAME_CRC', 'frame must have a CRC on this connection, got none');
    }
    this.frames += 1;
    const last = (flags & MESSAGE_FLAG_LAST) !== 0;
    this.#sink(
      source[at + 4]!,
      last,
      readUint32(source, at + 6),
      source.subarray(at + MESSAGE_HEADER_BYTES, end),
      false,
    );
  }

  #checkCrc(source: Uint8Array, at: number, end: number): void {
    if (end < at + MESSAGE_HEADER_BYTES) {
      const length = end + MESSAGE_CRC_BYTES - at - lengthBytes;
      throw new ParseError<MessageFrameErrorCode>(
        'FRAME_LENGTH',
        `frame with a CRC must have at least ${MESSAGE_MIN_LENGTH + MESSAGE_CRC_BYTES} bytes, got ${length}`,
      );
    }
    const [announced, computed] = [readUint32(source, end), crc32c(source, at + lengthBytes, end)];
    if (announced === computed) return;
    const hex = (value: number): string => value.toString(16).padStart(8, '0');
    throw new ParseError<MessageFrameErrorCode>(
      'FRAME_CRC',
      `frame of ${end - at} bytes must have CRC ${hex(computed)}, it says ${hex(announced)}`,
    );
  }

  /** Room for all that is announced, but at most twice what is there: most frames then grow once. */
  #hold(source: Uint8Array, start: number, end: number, announced: number): void {
    const needed = this.#heldBytes + (end - start);
    if (needed > this.#held.length) {
      const grown = new Uint8Array(Math.min(needed * 2, Math.max(needed, announced)));
      grown.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = grown;
    }
    this.#held.set(end - start === source.length ? source : source.subarray(start, end), this.#heldBytes);
    this.#heldBytes = needed;
  }
}

// The receiving end of a stream: gives credit, holds what has come until its reader takes it, and gives credit again as it is
// taken. A sender that goes beyond its credit has broken the protocol.
import { concatBytes } from '@caisson/core/bytes';
import { ParseError } from '@caisson/core/errors';
import type { ChannelErrorCode } from './error-code.ts';
import { requestCostBytes } from './messages.ts';

interface Chunk {
  readonly bytes: Uint8Array;
  /** What it took of the credit: a frame's own cost is with its first piece. */
  readonly cost: number;
}

interface Reader {
  readonly resolve: (result: IteratorResult<Uint8Array, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const done: IteratorResult<Uint8Array, undefined> = { done: true, value: undefined };

export class ReceiveFlow implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #grant: (bytes: number) => void;
  readonly #windowBytes: number;
  readonly #onReturn: () => void;
  readonly #pieces: boolean;
  readonly #chunks: Chunk[] = [];
  /** Of a frame that is not whole, for a reader who wants it whole. */
  #parts: Uint8Array[] = [];
  #partsCost = 0;
  #inFrame = false;
  #credit = 0;
  #takenBytes = 0;
  #ended = false;
  #error: unknown;
  #reader: Reader | undefined;

  /** `grant` sends a CREDIT frame; `onReturn` is told when the reader leaves before the end; `pieces`: frames need not be whole. */
  constructor(windowBytes: number, grant: (bytes: number) => void, onReturn: () => void, pieces: boolean) {
    this.#pieces = pieces;
    this.#windowBytes = windowBytes;
    this.#grant = grant;
    this.#onReturn = onReturn;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The first credit. */
  open(): void {
    if (this.#ended || this.#error !== undefined) return;
    this.#credit += this.#windowBytes;
    this.#grant(this.#windowBytes);
  }

  /** `more`: the frame goes on. Throws ParseError CHANNEL_PROTOCOL for bytes that there was no credit for, or after the last. */
  push(chunk: Uint8Array, last: boolean, more = false): void {
    const cost = chunk.length + (this.#inFrame ? 0 : requestCostBytes);
    this.#inFrame = more;
    if (this.#ended || cost > this.#credit) {
      const why = this.#ended ? 'the stream had ended' : `its credit was ${this.#credit}`;
      throw new ParseError<ChannelErrorCode>('CHANNEL_PROTOCOL', `DATA of ${cost} bytes came, but ${why}`);
    }
    this.#credit -= cost;
    if (last) this.#ended = true;
    if (this.#error !== undefined) return;
    if (this.#pieces || (!more && this.#parts.length === 0)) {
      this.#give(chunk, cost, last);
      return;
    }
    this.#parts.push(owned(chunk));
    this.#partsCost += cost;
    if (more) return;
    const [whole, wholeCost] = [concatBytes(...this.#parts), this.#partsCost];
    this.#parts = [];
    this.#partsCost = 0;
    this.#give(whole, wholeCost, last);
  }

  #give(chunk: Uint8Array, cost: number, last: boolean): void {
    const reader = this.#reader;
    if (chunk.length === 0 && !last) {
      this.#take(cost);
    } else if (reader === undefined) {
      if (chunk.length > 0) this.#chunks.push({ bytes: owned(chunk), cost });
    } else {
      this.#reader = undefined;
      if (chunk.length > 0) this.#take(cost);
      reader.resolve(chunk.length > 0 ? { done: false, value: chunk } : done);
    }
  }

  /** The other end's last frame has come, and no chunk with it. */
  finish(): void {
    this.#ended = true;
    this.#reader?.resolve(done);
    this.#reader = undefined;
  }

  fail(error: unknown): void {
    if (this.#ended || this.#error !== undefined) return;
    this.#error = error;
    this.#reader?.reject(error);
    this.#reader = undefined;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#take(chunk.cost);
      return Promise.resolve({ done: false, value: chunk.bytes });
    }
    if (this.#ended) return Promise.resolve(done);
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#reader !== undefined) throw new TypeError('a stream has one reader, and it asks for one chunk at a time');
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#chunks.length = 0;
    if (!this.#ended && this.#error === undefined) this.#onReturn();
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(cost: number): void {
    this.#takenBytes += cost;
    if (this.#ended || this.#takenBytes < this.#windowBytes / 2) return;
    const bytesBack = this.#takenBytes;
    this.#takenBytes = 0;
    this.#credit += bytesBack;
    this.#grant(bytesBack);
  }
}

/**
 * A chunk that waits must not keep a read of 64 KiB alive for a few bytes: a sender could spend one byte of credit for each.
 */
function owned(chunk: Uint8Array): Uint8Array {
  return chunk.length * 4 < chunk.buffer.byteLength ? Uint8Array.prototype.slice.call(chunk) : chunk;
}

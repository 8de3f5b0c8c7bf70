// The sending end of a stream: nothing leaves without credit that the receiver gave for it.
import { CaissonError, ParseError } from '@caisson/core/errors';
import type { ChannelErrorCode } from './error-code.ts';
import { MAX_CHUNK_BYTES, requestCostBytes } from './messages.ts';
import type { Counters } from './stats.ts';

interface Waiting {
  bytes: Uint8Array;
  readonly last: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

// Chosen: a great write needs fewer frames, each of whose headers would cost a write of its own over TLS; more would keep others waiting.
const greatestChunkBytes = 131_072;

export class SendFlow {
  readonly #emit: (chunk: Uint8Array, last: boolean) => void;
  readonly #counters: Counters;
  readonly #maxChunkBytes: () => number;
  readonly #waiting: Waiting[] = [];
  #credit = 0;
  #blockedSinceMs: number | undefined;
  #error: unknown;
  #ended = false;

  /** `emit` sends a DATA frame, whose payload the connection takes up to `maxChunkBytes`. */
  constructor(
    emit: (chunk: Uint8Array, last: boolean) => void,
    counters: Counters,
    maxChunkBytes: () => number = () => MAX_CHUNK_BYTES,
  ) {
    this.#emit = emit;
    this.#counters = counters;
    this.#maxChunkBytes = maxChunkBytes;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves when the last byte was handed to the connection; rejects when the stream ends first. The bytes are given away. */
  write(bytes: Uint8Array, last: boolean): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended) return Promise.reject(streamEnded('this end has ended it'));
    if (last) this.#ended = true;
    if (bytes.length === 0 && !last) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, last, resolve, reject });
      if (this.#waiting.length === 1) this.#pump();
    });
  }

  /** Throws ParseError CHANNEL_PROTOCOL for more credit than a counter holds. */
  grant(bytes: number): void {
    if (this.#credit + bytes > 2 ** 32) {
      throw new ParseError<ChannelErrorCode>(
        'CHANNEL_PROTOCOL',
        `credit of a stream must stay within 2^32, got ${this.#credit} and ${bytes} more`,
      );
    }
    this.#credit += bytes;
    this.#pump();
  }

  /** Everything that waits rejects with `error`, and so does every later write. */
  fail(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#unblock();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  /** The other end has its last word: an end that still waits for credit says nothing new and holds, bytes do not. */
  finish(error: unknown): void {
    const end = this.#waiting.at(-1);
    if (end?.last === true && end.bytes.length === 0) {
      this.#waiting.pop();
      end.resolve();
    }
    this.fail(error);
  }

  #pump(): void {
    let finished = 0;
    for (const waiting of this.#waiting) {
      if (!this.#send(waiting)) break;
      waiting.resolve();
      finished += 1;
    }
    this.#waiting.splice(0, finished);
    if (this.#waiting.length > 0) this.#blockedSinceMs ??= performance.now();
    else this.#unblock();
  }

  #send(waiting: Waiting): boolean {
    for (;;) {
      const { bytes, last } = waiting;
      if (Math.min(bytes.length, MAX_CHUNK_BYTES) + requestCostBytes > this.#credit) return false;
      const most = Math.min(greatestChunkBytes, this.#maxChunkBytes(), this.#credit - requestCostBytes);
      const size = Math.min(bytes.length, Math.max(most, MAX_CHUNK_BYTES));
      const cost = size + requestCostBytes;
      this.#credit -= cost;
      const whole = size === bytes.length;
      this.#emit(whole ? bytes : bytes.subarray(0, size), last && whole);
      if (whole) return true;
      waiting.bytes = bytes.subarray(size);
    }
  }

  #unblock(): void {
    if (this.#blockedSinceMs === undefined) return;
    this.#counters.creditWaitMs += performance.now() - this.#blockedSinceMs;
    this.#blockedSinceMs = undefined;
  }
}

export function streamEnded(why: string): CaissonError<ChannelErrorCode> {
  return new CaissonError('CHANNEL_STREAM_ENDED', `the stream takes no more bytes: ${why}`);
}

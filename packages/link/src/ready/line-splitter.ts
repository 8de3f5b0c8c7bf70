// Bytes to lines, holding never more than one line's bound: a stream without a newline is refused when the bound is passed, not when it
// ends.
import { concatBytes } from '@caisson/core/bytes';
import { LimitError } from '@caisson/core/errors';
import type { ReadyErrorCode } from './error-code.ts';
import { MAX_READY_LINE_BYTES } from './messages.ts';

const newline = 0x0a;

export class ReadyLineSplitter {
  #rest: Uint8Array = new Uint8Array();

  /** The lines that `chunk` completes, without their newlines. Throws LimitError READY_LINE_TOO_LONG. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      const line = this.#join(chunk.subarray(from, end));
      this.#rest = new Uint8Array();
      from = end + 1;
      yield line;
    }
    // A copy: the chunk belongs to the socket.
    this.#rest = this.#join(chunk.subarray(from)).slice();
  }

  /** Bytes of a line whose newline has not come. */
  get pendingBytes(): number {
    return this.#rest.length;
  }

  #join(tail: Uint8Array): Uint8Array {
    const length = this.#rest.length + tail.length;
    if (length >= MAX_READY_LINE_BYTES) {
      throw new LimitError<ReadyErrorCode>(
        'READY_LINE_TOO_LONG',
        `ready line must have at most ${MAX_READY_LINE_BYTES} bytes with its newline, got ${length} without`,
      );
    }
    return this.#rest.length === 0 ? tail : concatBytes(this.#rest, tail);
  }
}

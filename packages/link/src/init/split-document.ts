// JSON documents out of a stream, whoever sends it: newline-framed, one after another, or a single one after which the sender waits
// without a newline and without an end, as the reference's client does. So a document ends where its brackets or its quote close.
// Only whether it is whole is looked at here; what it says is the parser's.
import { concatBytes } from '@caisson/core/bytes';
import { LimitError } from '@caisson/core/errors';
import type { InitSocketErrorCode } from './error-code.ts';

const [quote, backslash, newline] = [0x22, 0x5c, 0x0a];
const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === newline;
const isOpening = (byte: number): boolean => byte === 0x7b || byte === 0x5b;
const isClosing = (byte: number): boolean => byte === 0x7d || byte === 0x5d;

export class DocumentSplitter {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #pending = 0;
  /** What the document began with: its end is looked for accordingly. */
  #form: 'none' | 'nested' | 'string' | 'line' = 'none';
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of a document that has begun and not ended. */
  get pendingBytes(): number {
    return this.#pending;
  }

  /** The documents that end in `chunk`. Throws LimitError INIT_SOCKET_REQUEST for one that is longer than allowed. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let start = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      if (this.#form === 'none') {
        start = at;
        if (isBlank(byte)) continue;
        this.#begin(byte);
      } else if (!this.#ends(byte)) {
      } else {
        yield this.#finish(chunk.subarray(start, at + 1));
      }
    }
    if (this.#form !== 'none') this.#keep(chunk.slice(start));
  }

  /** What is left when the sender has ended: a document without its end, or nothing. */
  end(): Uint8Array | undefined {
    return this.#form === 'none' ? undefined : this.#finish(new Uint8Array(0));
  }

  #begin(byte: number): void {
    this.#form = isOpening(byte) ? 'nested' : byte === quote ? 'string' : 'line';
    this.#depth = isOpening(byte) ? 1 : 0;
    this.#inString = byte === quote;
    this.#escaped = false;
  }

  #ends(byte: number): boolean {
    if (this.#form === 'line') return byte === newline;
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === backslash) this.#escaped = true;
      else if (byte === quote) {
        this.#inString = false;
        return this.#form === 'string';
      }
      return false;
    }
    if (byte === quote) this.#inString = true;
    else if (isOpening(byte)) this.#depth += 1;
    else if (isClosing(byte)) this.#depth -= 1;
    return this.#depth === 0;
  }

  #keep(part: Uint8Array): void {
    this.#pending += part.length;
    if (this.#pending > this.#maxBytes) {
      throw new LimitError<InitSocketErrorCode>(
        'INIT_SOCKET_REQUEST',
        `document must have at most ${this.#maxBytes} bytes, got ${this.#pending} or more`,
      );
    }
    this.#parts.push(part);
  }

  #finish(last: Uint8Array): Uint8Array {
    this.#keep(last);
    const document = concatBytes(...this.#parts);
    [this.#parts, this.#pending, this.#form] = [[], 0, 'none'];
    return document;
  }
}

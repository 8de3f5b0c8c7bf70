// Chunks of any size as exact takes, with the offset for messages and the bound of the whole stream.
import { concatBytes } from '../bytes/index.ts';
import { LimitError, ParseError } from '../errors/index.ts';
import type { TarErrorCode } from './error-code.ts';

/** A source that can pass over bytes without giving them, such as a file. Past its end it has to end. */
export interface TarChunks extends AsyncIterable<Uint8Array> {
  skip?(length: number): void;
}

export class TarInput {
  readonly #source: TarChunks;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #maxBytes: number;
  #chunk: Uint8Array = new Uint8Array();
  #seen = 0;
  offset = 0;

  constructor(chunks: TarChunks, maxBytes: number) {
    this.#source = chunks;
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#maxBytes = maxBytes;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** Refuses a length that the bound cannot hold before any of it is read. */
  requireRoom(length: number, what: string): void {
    if (this.offset + length <= this.#maxBytes) return;
    throw new LimitError<TarErrorCode>(
      'TAR_LIMIT',
      `${what} must end within the ${this.#maxBytes} bytes that an archive may have, got ${length} at ${this.offset}`,
    );
  }

  /** A view that lasts until the next call where `length` lies in one chunk, else a copy. */
  async take(length: number, what: string): Promise<Uint8Array> {
    if (this.#chunk.length >= length) {
      const view = this.#chunk.subarray(0, length);
      this.#advance(length);
      return view;
    }
    const parts: Uint8Array[] = [];
    for await (const piece of this.pieces(length, what)) parts.push(piece.slice());
    return concatBytes(...parts);
  }

  async skip(length: number, what: string): Promise<void> {
    const beyond = length - this.#chunk.length;
    if (beyond <= 0) this.#advance(length);
    else if (this.#source.skip !== undefined) {
      // A file that ends before is found out by the header that has to follow.
      this.#source.skip(beyond);
      this.#seen += beyond;
      this.#chunk = new Uint8Array();
      this.offset += length;
    } else for await (const _ of this.pieces(length, what));
  }

  /** What is at hand; call it after `isAtEnd` said no. */
  async takeSome(): Promise<Uint8Array> {
    return this.take(this.#chunk.length, 'tar archive');
  }

  /** True where no byte is left. */
  async isAtEnd(): Promise<boolean> {
    return !(await this.#fill());
  }

  async *pieces(length: number, what: string): AsyncGenerator<Uint8Array, void, undefined> {
    for (let left = length; left > 0; ) {
      if (!(await this.#fill())) {
        throw new ParseError<TarErrorCode>(
          'TAR_TRUNCATED',
          `${what} at offset ${this.offset} must have ${left} more bytes, got the end`,
        );
      }
      const piece = this.#chunk.subarray(0, left);
      left -= piece.length;
      // Before the yield: whoever stops reading here leaves the rest to be skipped.
      this.#advance(piece.length);
      yield piece;
    }
  }

  #advance(length: number): void {
    this.#chunk = this.#chunk.subarray(length);
    this.offset += length;
  }

  async #fill(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      this.#seen += value.length;
      if (this.#seen > this.#maxBytes) {
        throw new LimitError<TarErrorCode>(
          'TAR_LIMIT',
          `tar archive must have at most ${this.#maxBytes} bytes, got more`,
        );
      }
      this.#chunk = value;
    }
    return true;
  }
}

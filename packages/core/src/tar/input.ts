// The bytes of a tar archive as its reader takes them, with the bound of the whole.
import { ChunkInput, type SkippableChunks } from '../bytes/index.ts';
import { LimitError, ParseError } from '../errors/index.ts';
import type { TarErrorCode } from './error-code.ts';

export class TarInput extends ChunkInput {
  readonly #maxBytes: number;

  constructor(chunks: SkippableChunks, maxBytes: number) {
    super(chunks, {
      maxBytes,
      tooLong: (bound) =>
        new LimitError<TarErrorCode>('TAR_LIMIT', `tar archive must have at most ${bound} bytes, got more`),
      tooShort: (what, offset, left) =>
        new ParseError<TarErrorCode>(
          'TAR_TRUNCATED',
          `${what} at offset ${offset} must have ${left} more bytes, got the end`,
        ),
    });
    this.#maxBytes = maxBytes;
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
  override async take(length: number, what: string): Promise<Uint8Array> {
    if (this.chunk.length < length) return await super.take(length, what);
    const view = this.chunk.subarray(0, length);
    this.advance(length);
    return view;
  }

  /** What is at hand; call it after `isAtEnd` said no. */
  async takeSome(): Promise<Uint8Array> {
    return await this.take(this.chunk.length, 'tar archive');
  }

  /** True where no byte is left. */
  async isAtEnd(): Promise<boolean> {
    return !(await this.fill());
  }
}

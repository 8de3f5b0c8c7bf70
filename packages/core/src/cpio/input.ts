// The bytes of cpio archives as their reader takes them, with the bound of the whole and what may lie between two of them.
import { ChunkInput, type SkippableChunks } from '../bytes/index.ts';
import { LimitError, ParseError } from '../errors/index.ts';
import type { CpioErrorCode } from './error-code.ts';
import { paddingOf } from './header.ts';

export class CpioInput extends ChunkInput {
  constructor(chunks: SkippableChunks, maxBytes: number) {
    super(chunks, {
      maxBytes,
      tooLong: (bound) =>
        new LimitError<CpioErrorCode>('CPIO_LIMIT', `cpio stream must have at most ${bound} bytes, got more`),
      tooShort: (what, offset, left) =>
        new ParseError<CpioErrorCode>(
          'CPIO_TRUNCATED',
          `cpio ${what} at offset ${offset} must have ${left} more bytes, got the end`,
        ),
    });
  }

  async skipToWord(): Promise<void> {
    // The last archive of a stream may end without padding.
    for (let left = paddingOf(this.offset); left > 0 && (await this.fill()); left -= 1) this.advance(1);
  }

  /** The kernel skips zeros between archives. False at the end. */
  async skipZeros(): Promise<boolean> {
    while (await this.fill()) {
      const first = this.chunk.findIndex((byte) => byte !== 0);
      this.advance(first < 0 ? this.chunk.length : first);
      if (first >= 0) return true;
    }
    return false;
  }
}

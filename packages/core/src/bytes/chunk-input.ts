// Reads exactly as many bytes as are asked for from chunks of any size: for readers of archives, which name the place of a fault and bound how much
// they will read.
import { concatBytes } from './join.ts';

/** A source that can pass over bytes without giving them, such as a file. */
export interface SkippableChunks extends AsyncIterable<Uint8Array> {
  /** Gives how many it passed over: fewer than `length` where it ends before. */
  skip?(length: number): number;
}

export interface ChunkBounds {
  /** Bound of the whole stream, skipped bytes included. */
  readonly maxBytes: number;
  /** What to throw where it has more. */
  tooLong(maxBytes: number): Error;
  /** What to throw where it ends `left` bytes before the end of `what`. */
  tooShort(what: string, offset: number, left: number): Error;
}

export class ChunkInput {
  readonly #source: SkippableChunks;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #bounds: ChunkBounds;
  #seen = 0;
  /** The bytes that have come and were not taken yet. */
  protected chunk: Uint8Array = new Uint8Array();
  offset = 0;

  constructor(chunks: SkippableChunks, bounds: ChunkBounds) {
    this.#source = chunks;
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#bounds = bounds;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** A copy. */
  async take(length: number, what: string): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for await (const piece of this.pieces(length, what)) parts.push(piece.slice());
    return concatBytes(...parts);
  }

  async skip(length: number, what: string): Promise<void> {
    const beyond = length - this.chunk.length;
    if (beyond <= 0) return this.advance(length);
    let left = length;
    if (this.#source.skip !== undefined) {
      const passed = this.#source.skip(beyond);
      this.#see(passed);
      // If the source could not skip all of it, the rest is read, and so found to be missing.
      left = beyond - passed;
      this.offset += length - left;
      this.chunk = new Uint8Array();
    }
    for await (const _ of this.pieces(left, what));
  }

  /** Views that the next piece may overwrite. */
  async *pieces(length: number, what: string): AsyncGenerator<Uint8Array, void, undefined> {
    for (let left = length; left > 0; ) {
      if (!(await this.fill())) throw this.#bounds.tooShort(what, this.offset, left);
      const piece = this.chunk.subarray(0, left);
      left -= piece.length;
      // Before the yield: whoever stops reading here leaves the rest to be skipped.
      this.advance(piece.length);
      yield piece;
    }
  }

  protected advance(length: number): void {
    this.chunk = this.chunk.subarray(length);
    this.offset += length;
  }

  /** False at the end. */
  protected async fill(): Promise<boolean> {
    while (this.chunk.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      this.#see(value.length);
      this.chunk = value;
    }
    return true;
  }

  #see(length: number): void {
    this.#seen += length;
    if (this.#seen > this.#bounds.maxBytes) throw this.#bounds.tooLong(this.#bounds.maxBytes);
  }
}

// What the pipeline needs of a stream of a channel: bytes both ways with the other end's credit, and an end of each direction. Both ends of a
// request are one.

export interface ByteStream extends AsyncIterable<Uint8Array> {
  /** Resolves when the other end's credit has covered all bytes; they are given away. */
  write(bytes: Uint8Array): Promise<void>;
  end(bytes?: Uint8Array): Promise<void>;
}

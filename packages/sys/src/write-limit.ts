// Keeps every single write of a stream within a bound. Linux since 6.12 sends a vsock write above 32 KiB as a nonlinear
// packet that some hypervisors do not put together again: silent corruption (docs/wire/addresses.md). libuv writes a whole
// buffer, or a whole corked batch, in one system call, so the cut has to be made above it.
//
// Not reached from here: TLS on top of a net.Socket writes through the handle in C++ and passes this by; give it a plain
// Duplex around the socket instead.
import type { Socket } from 'node:net';

type Done = (error?: Error | null) => void;
type Chunk = { chunk: unknown; encoding: BufferEncoding };
/** The part of a Writable that a stream's own class implements. */
export type WriteEnd = Pick<Socket, '_write'> & { _writev?: ((chunks: Chunk[], done: Done) => void) | undefined };

export function limitWrites(stream: WriteEnd, maxBytes: number): void {
  const writeOne = stream._write.bind(stream);
  const writeBatch = stream._writev?.bind(stream);

  stream._write = (chunk: unknown, encoding, done) => {
    const bytes = toBytes(chunk, encoding);
    if (bytes.length <= maxBytes) return writeOne(chunk, encoding, done);
    writeInTurn(cut([bytes], maxBytes), ([piece], next) => writeOne(piece, 'buffer' as BufferEncoding, next), done);
  };
  if (writeBatch === undefined) return;
  stream._writev = (chunks, done) => {
    const list = chunks.map(({ chunk, encoding }) => toBytes(chunk, encoding));
    const total = list.reduce((sum, bytes) => sum + bytes.length, 0);
    if (total <= maxBytes) return writeBatch(chunks, done);
    writeInTurn(
      cut(list, maxBytes),
      (batch, next) =>
        writeBatch(
          batch.map((chunk) => ({ chunk, encoding: 'buffer' as BufferEncoding })),
          next,
        ),
      done,
    );
  };
}

function toBytes(chunk: unknown, encoding: BufferEncoding): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : (chunk as Uint8Array);
}

/** Batches of at most `maxBytes` each, in order, without copying. */
function cut(list: readonly Uint8Array[], maxBytes: number): Uint8Array[][] {
  const batches: Uint8Array[][] = [];
  let batch: Uint8Array[] = [];
  let room = maxBytes;
  for (const bytes of list) {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + room);
      batch.push(piece);
      at += piece.length;
      room -= piece.length;
      if (room > 0) continue;
      batches.push(batch);
      batch = [];
      room = maxBytes;
    }
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/** A write often completes at once and then calls back at once; the loop keeps 160 pieces from becoming 160 stack frames. */
function writeInTurn(
  batches: readonly Uint8Array[][],
  write: (batch: Uint8Array[], next: Done) => void,
  done: Done,
): void {
  const waiting = batches.values();
  const run = (): void => {
    for (let again = true; again; ) {
      const { value: batch } = waiting.next();
      again = false;
      if (batch === undefined) {
        done();
        return;
      }
      let inCall = true;
      write(batch, (error) => {
        if (error) done(error);
        else if (inCall) again = true;
        else run();
      });
      inCall = false;
    }
  };
  run();
}

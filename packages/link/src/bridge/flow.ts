// One direction of a relayed connection in JavaScript: bytes from a source to a sink, in order, with the source held back
// while the sink is behind. At most two reads of 64 KiB wait here: one in the sink's queue, one in the source's.
// The bound on a single write to a vsock is the kernel's own (its sockets keep it).
import type { StreamEnd } from './stream-end.ts';

export class Flow {
  bytes = 0;
  /** performance.now() of the last byte that moved. */
  movedAtMs = performance.now();
  /** False once the source's end has been delivered to the sink, or the connection was aborted. */
  open = true;
  /** Why it did not end cleanly. */
  error: string | undefined;

  constructor({ socket: source }: StreamEnd, { socket: sink }: StreamEnd, ended: () => void) {
    sink.on('drain', () => {
      this.movedAtMs = performance.now();
      source.resume();
    });
    sink.once('finish', () => {
      this.open = false;
      ended();
    });
    // Its end may have been read while the far side was being dialled.
    if (source.readableEnded) sink.end();
    else source.once('end', () => sink.end());
    source.on('data', (chunk) => {
      this.bytes += chunk.length;
      this.movedAtMs = performance.now();
      if (!sink.write(chunk)) source.pause();
    });
    // A listener alone does not restart a stream that somebody paused before.
    source.resume();
  }
}

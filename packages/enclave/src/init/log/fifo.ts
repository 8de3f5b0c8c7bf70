// The reading end of a service's FIFO. PID 1 holds both ends (docs/wire/pid1.md), so a service meets neither EPIPE nor a reader that is
// away; what it wrote while no supervisor read is still there. Everything is read as it comes: bounds are the log's, because a
// pipe that is left full stops the service.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { createLineSplitter } from './split-lines.ts';

// Given: what a FIFO holds at most when it is PID 1's; another writer of the same one must not keep us here.
const maxDrainBytes = 1 << 20;
// Shared by all FIFOs: what one read brought is consumed before the next. Under talkative services a buffer for each read would be 20 MB of garbage
// a second.
const shared = Buffer.alloc(65_536);

export interface FifoReader {
  /** Inode of the FIFO: a new one under the old name needs a new reader. */
  readonly inode: bigint;
  /** False once all writers are gone, PID 1 too. */
  readonly isOpen: boolean;
  /**
   * What lies in the FIFO now, and what has no line end yet, is said before this returns: the writer has ended, and its last words are
   * asked for.
   */
  drain(): void;
  close(): void;
}

/** Throws ENOENT, and ENXIO for what is no FIFO. What has no line end when all writers are gone is said as a line. */
export function openFifo(path: string, onLines: (lines: string[]) => void): FifoReader {
  // O_NONBLOCK: opening must not wait for a writer. O_NOFOLLOW: PID 1 makes no links there.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  const found = fstatSync(fd, { bigint: true });
  if (!found.isFIFO()) {
    closeSync(fd);
    throw Object.assign(new Error(`cannot read ${path}: not a FIFO`), { code: 'ENXIO', syscall: 'open', path });
  }
  const splitter = createLineSplitter();
  const tell = (lines: string[]): void => {
    if (lines.length > 0) onLines(lines);
  };
  const take = (length: number): true => {
    tell(splitter.push(shared.subarray(0, length)));
    return true;
  };
  const onread = { buffer: shared, callback: take };
  const socket = new Socket({ fd, readable: true, writable: false, onread });
  let isOpen = true;
  // A failed read is the end of this reader and nothing else; the service goes on, its next start makes a new FIFO.
  socket.on('error', () => {});
  socket.once('close', () => {
    isOpen = false;
    tell(splitter.flush());
  });
  const drain = (): void => {
    // Beside libuv, which reads this descriptor in its own turn of the loop only.
    try {
      for (let left = maxDrainBytes, got = 1; left > 0 && got > 0; left -= got) {
        got = readSync(fd, shared);
        take(got);
      }
    } catch {
      // EAGAIN: that was all.
    }
    tell(splitter.flush());
  };
  return {
    inode: found.ino,
    drain: () => {
      if (isOpen) drain();
    },
    get isOpen() {
      return isOpen;
    },
    close: () => void socket.destroy(),
  };
}

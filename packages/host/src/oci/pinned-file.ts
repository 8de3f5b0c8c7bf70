// A file that is read at its places many times: an archive, a blob, a layer. It must stay what it was when its digest was taken, or the
// digest says nothing. Reading is synchronous: a root file system has some ten thousand small files, and a trip to another thread
// costs more than the read.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { CaissonError } from '@caisson/core/errors';
import type { OciErrorCode } from './error-code.ts';

export interface PinnedFile {
  readonly path: string;
  readonly size: number;
  /**
   * Pieces of at most 1 MiB; in `buffer` where one is given, the next piece over the last. Throws CaissonError OCI_CHANGED when the
   * file is not what it was.
   */
  pieces(offset: number, size: number, buffer?: Uint8Array): AsyncGenerator<Uint8Array, void, undefined>;
  close(): void;
}

/** A part of a file: a blob in an archive, or the whole of one. */
export interface FileRange {
  readonly file: PinnedFile;
  readonly offset: number;
  readonly size: number;
}

const pieceBytes = 1_048_576;

/** The caller closes it. Throws CaissonError OCI_SOURCE. */
export function openPinnedFile(path: string): PinnedFile {
  const fd = openRegular(path);
  const { size, mtimeNs } = fstatSync(fd, { bigint: true });
  let open = true;
  const requireSame = (): void => {
    if (!open) throw new TypeError(`${path} is read after its source was closed`);
    const now = fstatSync(fd, { bigint: true });
    if (now.size === size && now.mtimeNs === mtimeNs) return;
    throw changed(path);
  };
  return {
    path,
    size: Number(size),
    async *pieces(offset, length, buffer) {
      for (let at = 0; at < length; ) {
        if (at === 0) requireSame();
        const room = Math.min(buffer?.length ?? pieceBytes, length - at);
        const piece = buffer?.subarray(0, room) ?? Buffer.allocUnsafe(room);
        const got = readSync(fd, piece, 0, piece.length, offset + at);
        if (got === 0) throw changed(path);
        at += got;
        if (at === length) requireSame();
        yield piece.subarray(0, got);
      }
    },
    close() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

function openRegular(path: string): number {
  let fd: number;
  try {
    // Without O_NONBLOCK opening a FIFO would wait for a writer.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code;
    throw new CaissonError<OciErrorCode>('OCI_SOURCE', `cannot open ${path}: ${why}`, { cause });
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new CaissonError<OciErrorCode>('OCI_SOURCE', `${path} must be a regular file`);
}

function changed(path: string): CaissonError<OciErrorCode> {
  return new CaissonError('OCI_CHANGED', `${path} must not change while it is read`, {
    hint: 'try again when nothing writes to it any more',
  });
}

// The content of a file on disk, as it was when it was looked at: a file that somebody writes to meanwhile is refused, because an image
// of half a change is an image of nothing that ever was. Reading is synchronous: a root file system has some ten thousand small
// files, and for those a trip to another thread costs more than the read.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { CaissonError } from '@caisson/core/errors';
import type { TreeErrorCode } from './error-code.ts';
import type { TreeContent } from './tree.ts';

/** Of the first look; from lstat with `bigint`. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

const pieceBytes = 1_048_576;

/** Throws CaissonError TREE_CHANGED when it is opened and is not the same file any more. */
export function createFileContent(path: string | Buffer, identity: FileIdentity): TreeContent {
  const size = Number(identity.size);
  return {
    size,
    async *open() {
      const file = openSame(path, identity);
      try {
        const piece = Buffer.allocUnsafe(Math.min(pieceBytes, size));
        for (let at = 0; at < size; ) {
          const length = readSync(file, piece, 0, Math.min(piece.length, size - at), at);
          if (length === 0) throw changed(path);
          at += length;
          yield piece.subarray(0, length);
        }
        if (!isSame(file, identity)) throw changed(path);
      } finally {
        closeSync(file);
      }
    },
  };
}

function openSame(path: string | Buffer, identity: FileIdentity): number {
  let file: number;
  try {
    // Neither a link that took its place is followed nor a FIFO waited for.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    if (why === 'ENOENT' || why === 'ELOOP') throw changed(path, cause);
    throw new CaissonError<TreeErrorCode>('TREE_FOLDER', `cannot read ${path}: ${why}`, { cause });
  }
  if (isSame(file, identity)) return file;
  closeSync(file);
  throw changed(path);
}

function isSame(file: number, identity: FileIdentity): boolean {
  const now = fstatSync(file, { bigint: true });
  return (['dev', 'ino', 'size', 'mtimeNs'] as const).every((field) => now[field] === identity[field]);
}

function changed(path: string | Buffer, cause?: unknown): CaissonError<TreeErrorCode> {
  return new CaissonError('TREE_CHANGED', `${path} must not change while it is read`, {
    ...(cause !== undefined && { cause }),
    hint: 'build again when nothing writes to the source any more',
  });
}

// A file that a person names, read whole. Its size is not asked first: a device has none, and one that grows meanwhile has another.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

// Chosen.
const pieceBytes = 65_536;

/** Why nothing was read: it is no regular file, or has more bytes than were asked for. */
export interface Unread {
  readonly isFile: boolean;
  readonly size: number;
}

/** Rejects with what `open` and `read` of the system say. */
export async function readWithin(path: string, maxBytes: number): Promise<Uint8Array | Unread> {
  // A pipe would hold up whoever opens it until somebody writes; what is no file is refused below.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return { isFile: false, size: stat.size };
    const pieces: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const piece = Buffer.alloc(Math.min(pieceBytes, maxBytes + 1 - size));
      const { bytesRead } = await file.read(piece, 0, piece.length);
      if (bytesRead === 0) return Buffer.concat(pieces);
      size += bytesRead;
      if (size > maxBytes) return { isFile: true, size: Math.max(size, stat.size) };
      pieces.push(piece.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

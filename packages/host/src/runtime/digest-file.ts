// The digests of a file, in one pass and in pieces.
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

// Chosen: what the processor's own cache holds while two hashes go over it.
const pieceBytes = 262_144;

export interface FileDigest {
  readonly size: number;
  readonly sha256: string;
  readonly sha384: string;
}

export interface DigestedPieces {
  /** The file from its start; once. A piece lasts until the next is asked for. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Of what was read. */
  digest(): FileDigest;
}

/** Rejects with the error of the file system. */
export async function digestFile(path: string): Promise<FileDigest> {
  const file = await open(path, 'r');
  try {
    const { pieces, digest } = digestPieces(file);
    for await (const _ of pieces);
    return digest();
  } finally {
    await file.close();
  }
}

/** Digests a file while somebody reads it. The caller closes it. */
export function digestPieces(file: FileHandle): DigestedPieces {
  const sha256 = createHash('sha256');
  const sha384 = createHash('sha384');
  let size = 0;
  const read = async function* (): AsyncGenerator<Uint8Array> {
    // One for all: a hundred megabytes in pieces of their own are collected a dozen times, which costs as much as a hash.
    const piece = Buffer.allocUnsafeSlow(pieceBytes);
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length, size);
      if (bytesRead === 0) return;
      const read = piece.subarray(0, bytesRead);
      size += bytesRead;
      sha256.update(read);
      sha384.update(read);
      yield read;
    }
  };
  return {
    pieces: read(),
    digest: () => ({ size, sha256: sha256.digest('hex'), sha384: sha384.digest('hex') }),
  };
}

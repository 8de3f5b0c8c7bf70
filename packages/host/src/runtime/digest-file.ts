// The digests of a file, in one pass and in pieces.
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

export interface FileDigest {
  readonly size: number;
  readonly sha256: string;
  readonly sha384: string;
}

export interface DigestedPieces {
  /** The file from its start; once. */
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
    const pieces = file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1_048_576 });
    for await (const piece of pieces as AsyncIterable<Buffer>) {
      size += piece.length;
      sha256.update(piece);
      sha384.update(piece);
      yield piece;
    }
  };
  return {
    pieces: read(),
    digest: () => ({ size, sha256: sha256.digest('hex'), sha384: sha384.digest('hex') }),
  };
}

// The digests of a file, in one pass and in pieces.
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

export interface FileDigest {
  readonly size: number;
  readonly sha256: string;
  readonly sha384: string;
}

/** Of a path, or of a file that is open already and stays so. Rejects with the error of the file system. */
export async function digestFile(from: string | FileHandle): Promise<FileDigest> {
  if (typeof from !== 'string') return digest(from);
  const file = await open(from, 'r');
  try {
    return await digest(file);
  } finally {
    await file.close();
  }
}

async function digest(file: FileHandle): Promise<FileDigest> {
  const sha256 = createHash('sha256');
  const sha384 = createHash('sha384');
  let size = 0;
  const pieces = file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1_048_576 });
  for await (const piece of pieces as AsyncIterable<Buffer>) {
    size += piece.length;
    sha256.update(piece);
    sha384.update(piece);
  }
  return { size, sha256: sha256.digest('hex'), sha384: sha384.digest('hex') };
}

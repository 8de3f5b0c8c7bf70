// The digests of a file, in one pass and in pieces.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

export interface FileDigest {
  readonly size: number;
  readonly sha256: string;
  readonly sha384: string;
}

/** Rejects with the error of the file system. */
export async function digestFile(path: string): Promise<FileDigest> {
  const sha256 = createHash('sha256');
  const sha384 = createHash('sha384');
  let size = 0;
  for await (const piece of createReadStream(path, { highWaterMark: 1_048_576 }) as AsyncIterable<Buffer>) {
    size += piece.length;
    sha256.update(piece);
    sha384.update(piece);
  }
  return { size, sha256: sha256.digest('hex'), sha384: sha384.digest('hex') };
}

// A folder of this process alone for what has no file of its own: blobs that came over the network, layers that were compressed. One
// budget for all of it, because a bomb may come in many small parts.
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CaissonError, LimitError } from '@caisson/core/errors';
import type { OciErrorCode } from './error-code.ts';
import { openPinnedFile, type PinnedFile } from './pinned-file.ts';

export interface Spool {
  /** Writes what comes to a new file. The spool closes it. Throws what `pieces` throws; LimitError OCI_LIMIT; CaissonError OCI_SOURCE. */
  write(pieces: AsyncIterable<Uint8Array>, what: string): Promise<PinnedFile>;
  /** Early, for a blob whose layer is unpacked. Files that others own are left alone. */
  remove(file: PinnedFile): Promise<void>;
  /** Closes all files and removes them. */
  close(): Promise<void>;
}

/** Makes nothing before something is written. */
export function createSpool(parent: string | undefined, maxBytes: number): Spool {
  const files = new Set<PinnedFile>();
  let folder: Promise<string> | undefined;
  let left = maxBytes;

  async function* metered(pieces: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      left -= piece.length;
      if (left < 0) {
        const message = `${what}: an image must have at most ${maxBytes} bytes, packed and unpacked, got more`;
        throw new LimitError<OciErrorCode>('OCI_LIMIT', message);
      }
      yield piece;
    }
  }

  return {
    async write(pieces, what) {
      // mkdtemp makes it 0700.
      folder ??= mkdtemp(join(parent ?? tmpdir(), 'caisson-oci-'));
      const path = join(await folder, randomBytes(8).toString('hex'));
      const source = Readable.from(metered(pieces, what), { objectMode: false, highWaterMark: 1_048_576 });
      try {
        await pipeline(source, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
      } catch (error) {
        await rm(path, { force: true });
        const code = (error as NodeJS.ErrnoException).code;
        if (error instanceof CaissonError || code === undefined) throw error;
        throw new CaissonError<OciErrorCode>('OCI_SOURCE', `${what}: cannot write ${path}: ${code}`, { cause: error });
      }
      const file = openPinnedFile(path);
      files.add(file);
      return file;
    },
    async remove(file) {
      if (!files.delete(file)) return;
      file.close();
      left += file.size;
      await rm(file.path, { force: true });
    },
    async close() {
      for (const file of files) file.close();
      files.clear();
      if (folder !== undefined) await rm(await folder, { recursive: true, force: true });
    },
  };
}

// SHA-256 of a file that is there, in pieces: others have their turn between them.
import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { withFault } from './fault.ts';
import type { Folder } from './folder.ts';

// Chosen.
const pieceBytes = 1 << 20;

/** Throws PIPELINE_KIND for what is no regular file. */
export async function digestFile(folder: Folder, name: string): Promise<Uint8Array> {
  const fd = folder.openFile(name);
  try {
    const digest = createHash('sha256');
    const buffer = Buffer.allocUnsafe(pieceBytes);
    for (;;) {
      const got = withFault('read', folder.pathOf(name), () => readSync(fd, buffer));
      if (got === 0) return digest.digest();
      digest.update(buffer.subarray(0, got));
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    closeSync(fd);
  }
}

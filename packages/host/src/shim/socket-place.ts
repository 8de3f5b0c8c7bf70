// Where a shim's socket lies: `sock/shim.sock` of its enclave's folder, or in the short run folder where that path is too long for a socket.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openRunFolder } from '../backend/run-folder.ts';
import { enclaveFolder } from '../record/index.ts';

// Given: docs/wire/state.md; the kernel takes 107 bytes, and Node 20 cuts a longer one without a word.
const longestSocketBytes = 100;

/** Throws ParseError RECORD_NAME, and where the run folder is needed what `openRunFolder` throws. */
export async function shimSocketPath(state: string, name: string): Promise<string> {
  const near = join(enclaveFolder(state, name).sock, 'shim.sock');
  if (Buffer.byteLength(near) <= longestSocketBytes) return near;
  const { path } = await openRunFolder(state);
  // The name of an enclave may be too long for a socket's path, so its hash stands for it.
  return join(path, `s-${createHash('sha256').update(name).digest('hex').slice(0, 16)}.sock`);
}

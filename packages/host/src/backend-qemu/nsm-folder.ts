// What QEMU's NSM signs with, where it can: a key, its leaf and the chain, as files. They are renewed well before the leaf ends, because no
// verifier takes a document past that.
import { KeyObject } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../file/index.ts';
import type { SimulatedAuthority } from '../simulator/index.ts';

export interface NsmFolder {
  close(): void;
}

// Chosen: a leaf certificate is valid for three hours.
const renewMs = 3_600_000;

/** Makes `path`, 0700. */
export async function createNsmFolder(
  path: string,
  authority: SimulatedAuthority,
  moduleId: string,
): Promise<NsmFolder> {
  await mkdir(path, { mode: 0o700 });
  await writeLeaf(path, authority, moduleId);
  // If a renewal fails the old leaf stays, and the next renewal tries again.
  const timer = setInterval(() => writeLeaf(path, authority, moduleId).catch(() => {}), renewMs).unref();
  return { close: () => clearInterval(timer) };
}

async function writeLeaf(path: string, authority: SimulatedAuthority, moduleId: string): Promise<void> {
  const { key, certificate, cabundle } = await authority.issueLeaf(moduleId, { exportable: true });
  const pem = KeyObject.from(key as Parameters<typeof KeyObject.from>[0]).export({ type: 'sec1', format: 'pem' });
  const files: [name: string, bytes: string | Uint8Array][] = [
    ...cabundle.map((bytes, index): [string, Uint8Array] => [`cabundle.${index}.der`, bytes]),
    ['leaf.der', certificate],
    ['key.pem', pem],
  ];
  for (const [name, bytes] of files)
    await replaceFile(join(path, name), (file) => file.writeFile(bytes), { mode: 0o600 });
}

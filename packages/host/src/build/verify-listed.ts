// No entry is in an image that its manifest does not list, and none is listed that is not in it (P-E2). The list and the archives come from the
// same entries; that is no proof of it. Here what was written is read again, by the reader that others use, and held against the list.
import type { FileHandle } from 'node:fs/promises';
import { type StreamedCpioEntry, streamCpio } from '@caisson/core/cpio';
import { eifHeaderBytes, eifSectionHeaderBytes } from '@caisson/core/eif';
import { CaissonError } from '@caisson/core/errors';
import type { BuildErrorCode } from './error-code.ts';
import type { ManifestFile } from './ramdisk.ts';
import type { WrittenSection } from './write-eif.ts';

const pieceBytes = 262_144;
const fields = ['kind', 'mode', 'uid', 'gid', 'size', 'target', 'device'] as const;

/** `sections` are those of `file`, in their order. Throws CaissonError BUILD_LISTED. */
export async function verifyListed(
  file: FileHandle,
  sections: readonly WrittenSection[],
  files: readonly ManifestFile[],
): Promise<void> {
  const listed = new Map(files.map((one) => [`${one.ramdisk} ${one.path}`, one]));
  if (listed.size !== files.length)
    throw fault(`the manifest must list each entry once, got ${files.length - listed.size} twice`);
  let [offset, ramdisk] = [eifHeaderBytes, 0];
  for (const { kind, size } of sections) {
    const start = offset + eifSectionHeaderBytes;
    offset = start + size;
    if (kind !== 'ramdisk') continue;
    for await (const entry of streamCpio(readPieces(file, start, size), { maxEntries: files.length + 1 })) {
      const key = `${ramdisk} ${entry.path}`;
      requireSame(entry, listed.get(key), ramdisk);
      listed.delete(key);
    }
    ramdisk += 1;
  }
  for (const { ramdisk: number, path } of listed.values()) {
    throw fault(
      `entry ${JSON.stringify(path)} of ramdisk ${number} is listed in the manifest, and must be in the image`,
    );
  }
}

function requireSame(entry: StreamedCpioEntry, one: ManifestFile | undefined, ramdisk: number): void {
  const what = `entry ${JSON.stringify(entry.path)} of ramdisk ${ramdisk}`;
  if (one === undefined) throw fault(`${what} must be listed in the manifest`);
  const mode = entry.mode.toString(8).padStart(4, '0');
  const device = entry.major === undefined ? undefined : `${entry.major}:${entry.minor}`;
  const found = { ...entry, mode, device };
  for (const field of fields) {
    if (found[field] === one[field]) continue;
    throw fault(
      `${field} of ${what} must be ${one[field] ?? 'absent'} as the manifest lists it, got ${found[field] ?? 'none'}`,
    );
  }
  if (one.kind === 'file' && (one.sha256 === undefined || one.sha384 === undefined)) {
    throw fault(`${what} must be listed with its hashes`);
  }
}

async function* readPieces(file: FileHandle, start: number, size: number): AsyncGenerator<Uint8Array> {
  // One buffer for all pieces: a reader keeps nothing of a piece when it asks for the next.
  const piece = new Uint8Array(Math.min(pieceBytes, size));
  for (let at = 0; at < size; ) {
    const { bytesRead } = await file.read(piece, 0, Math.min(piece.length, size - at), start + at);
    if (bytesRead === 0) throw fault(`ramdisk at offset ${start} must have ${size} bytes, got ${at}`);
    at += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

function fault(message: string): CaissonError<BuildErrorCode> {
  return new CaissonError('BUILD_LISTED', message, { hint: 'this is a defect of the builder: please report it' });
}

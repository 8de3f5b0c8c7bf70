// PCR0 to PCR2 of an image file on disk, as the hypervisor will measure it.
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { toHex } from '@caisson/core/bytes';
import { measureEif, parseEif } from '@caisson/core/eif';
import { CaissonError } from '@caisson/core/errors';
import type { PolicyFileErrorCode } from './error-code.ts';

// Chosen: an image is held in memory here, and an enclave needs four times its image.
const maxImageBytes = 2 ** 31 - 1;

/** Hex by index. Throws CaissonError POLICY_IMAGE for what cannot be read, ParseError of the EIF room for what is no image. */
export async function measureImageFile(path: string): Promise<Readonly<Record<0 | 1 | 2, string>>> {
  const image = parseEif(await readImage(path));
  const { pcr0, pcr1, pcr2 } = await measureEif(image, () => createHash('sha384'));
  return { 0: toHex(pcr0), 1: toHex(pcr1), 2: toHex(pcr2) };
}

async function readImage(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      return await readWhole(file);
    } finally {
      await file.close();
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CaissonError<PolicyFileErrorCode>('POLICY_IMAGE', `image ${path} cannot be read: ${reason}`, { cause });
  }
}

async function readWhole(file: FileHandle): Promise<Uint8Array> {
  const { size } = await file.stat();
  if (size > maxImageBytes) throw new Error(`it must have at most ${maxImageBytes} bytes, got ${size}`);
  const bytes = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await file.read(bytes, length, Math.min(size - length, 2 ** 26));
    if (bytesRead === 0) throw new Error(`it must have ${size} bytes, got ${length}`);
    length += bytesRead;
  }
  return bytes;
}

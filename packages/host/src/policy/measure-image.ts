// PCR0 to PCR2 of an image file on disk, as the hypervisor will measure it, and the profile that is in them.
import { toHex } from '@caisson/core/bytes';
import { CaissonError } from '@caisson/core/errors';
import type { ImageProfile } from '@caisson/core/measured';
import { IMAGE_ERROR_CODES, inspectImage, openImageFile, readImageMeasurements } from '../image/index.ts';
import type { PolicyFileErrorCode } from './error-code.ts';

// Chosen: an enclave needs four times its image.
const maxImageBytes = 2 ** 31 - 1;

/** As its boot ramdisk has it; null for an image of another builder. Throws what `openImageFile` and `inspectImage` throw. */
export async function readImageProfile(path: string): Promise<ImageProfile | null> {
  const file = await openImageFile(path);
  try {
    return (await inspectImage(file)).measured?.profile ?? null;
  } finally {
    await file.close();
  }
}

/** Hex by index. Throws CaissonError POLICY_IMAGE for what cannot be read, ParseError of the EIF room for what is no image. */
export async function measureImageFile(path: string): Promise<Readonly<Record<0 | 1 | 2, string>>> {
  try {
    const { pcr0, pcr1, pcr2 } = await readImageMeasurements(path, maxImageBytes);
    return { 0: toHex(pcr0), 1: toHex(pcr1), 2: toHex(pcr2) };
  } catch (cause) {
    if (!(cause instanceof CaissonError) || !(IMAGE_ERROR_CODES as readonly string[]).includes(cause.code)) throw cause;
    throw new CaissonError<PolicyFileErrorCode>('POLICY_IMAGE', cause.message, { cause });
  }
}

// The measurements of a sound image, in the memory of one piece whatever its size. Refuses what the strict reader refuses and a
// signature that does not hold; the dates of its certificate are not measured and not looked at.
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { toHex } from '@caisson/core/bytes';
import {
  type EifMeasurements,
  type EifSurvey,
  extendZero,
  parseEifCertificate,
  parseEifSignature,
  readEif,
  verifyEifSignature,
} from '@caisson/core/eif';
import { type ImageFile, openImageFile } from './image-file.ts';

/** Hex, 48 bytes each. */
export interface ImageMeasurements {
  readonly PCR0: string;
  readonly PCR1: string;
  readonly PCR2: string;
  /** Of a signed image. */
  readonly PCR8?: string;
}

const sha384 = () => createHash('sha384');

/** Throws what `openImageFile`, `readEif`, `parseEifSignature` and `verifyEifSignature` throw. */
export async function measureImage(path: string): Promise<ImageMeasurements> {
  const file = await openImageFile(path);
  try {
    const { measurements } = await measureOpenImage(file);
    await file.requireUnchanged();
    return measurements;
  } finally {
    await file.close();
  }
}

/** The same of a file that its caller has open and looks at further, and what was walked; its sections are not hashed. */
export async function measureOpenImage(
  file: ImageFile,
): Promise<{ readonly measurements: ImageMeasurements; readonly survey: EifSurvey }> {
  const survey = await readEif(file, sha384, { crc32, hashSections: false });
  const { pcr0, pcr1, pcr2 } = survey.measurements;
  const pcrs = { PCR0: toHex(pcr0), PCR1: toHex(pcr1), PCR2: toHex(pcr2) };
  if (survey.signature === undefined) return { measurements: pcrs, survey };
  const signature = parseEifSignature(survey.signature);
  await verifyEifSignature(signature, { pcr0 });
  return { measurements: { ...pcrs, PCR8: await extended(signature.certificate.der) }, survey };
}

/**
 * PCR0 to PCR2 as bytes, of an image of at most `maxBytes`; a signature is not looked at, because what a policy pins must be what a hypervisor
 * measures whether or not it lets the image start. Throws what `openImageFile` and `readEif` throw.
 */
export async function readImageMeasurements(path: string, maxBytes?: number): Promise<EifMeasurements> {
  const file = await openImageFile(path, maxBytes);
  try {
    const { measurements } = await readEif(file, sha384, { crc32, hashSections: false });
    await file.requireUnchanged();
    return measurements;
  } finally {
    await file.close();
  }
}

/** PCR8 of images that are signed with this certificate (PEM). Throws ParseError EIF_CERTIFICATE. */
export async function measureCertificate(pem: Uint8Array): Promise<string> {
  return await extended(parseEifCertificate(pem).der);
}

/** The register that holds only this file. Throws what `openImageFile` throws. */
export async function measureFile(path: string): Promise<string> {
  const file = await openImageFile(path);
  try {
    const hash = sha384();
    for await (const piece of file.pieces(0, file.size)) hash.update(piece);
    await file.requireUnchanged();
    return toHex(await extendZero(hash.digest(), sha384));
  } finally {
    await file.close();
  }
}

async function extended(der: Uint8Array): Promise<string> {
  return toHex(await extendZero(sha384().update(der).digest(), sha384));
}

// Signs an image that is already a file: the signature section is put in its place (a new one at the end, another one where the old
// one stood), the table and the CRC follow. Nothing that is measured moves, so PCR0 to PCR2 stay what they are.
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { toHex } from '@caisson/core/bytes';
import { extendZero, parseEifCertificate, readEif, replaceEifSignature, signEif } from '@caisson/core/eif';
import { replaceFile } from '../file/index.ts';
import { openImageFile } from './image-file.ts';
import type { ImageMeasurements } from './measure.ts';
import type { ImageSigner } from './signing-key.ts';

const sha384 = () => createHash('sha384');

/** The section for an image with this PCR0. Throws what `signEif` throws. */
export async function signMeasurement(pcr0: Uint8Array, signer: ImageSigner): Promise<Uint8Array> {
  return await signEif(pcr0, signer.certificatePem, (bytes, algorithm) => signer.sign(bytes, algorithm));
}

/**
 * Replaces the file at `path` by its signed form, in the memory of one piece whatever its size; a failure leaves it as it was. Throws what
 * `openImageFile`, `readEif`, `signEif` and `replaceEifSignature` throw.
 */
export async function signImage(
  path: string,
  signer: ImageSigner,
  target = path,
): Promise<Required<ImageMeasurements>> {
  const image = await openImageFile(path);
  try {
    const survey = await readEif(image, sha384, { crc32 });
    const { pcr0, pcr1, pcr2 } = survey.measurements;
    const plan = replaceEifSignature(survey, await signMeasurement(pcr0, signer));
    await replaceFile(target, async (file) => {
      let crc = plan.startCrc;
      let at = plan.headerBytes;
      for await (const bytes of plan.open(image)) {
        crc = plan.nextCrc(bytes, crc);
        at += await writeWhole(file, bytes, at);
      }
      await writeWhole(file, plan.formatHeader(crc), 0);
      await image.requireUnchanged();
    });
    const { der } = parseEifCertificate(signer.certificatePem);
    const pcr8 = await extendZero(sha384().update(der).digest(), sha384);
    return { PCR0: toHex(pcr0), PCR1: toHex(pcr1), PCR2: toHex(pcr2), PCR8: toHex(pcr8) };
  } finally {
    await image.close();
  }
}

async function writeWhole(file: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  for (let at = 0; at < bytes.length; ) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
  return bytes.length;
}

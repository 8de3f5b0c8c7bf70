// A signing key and its certificate, from the files that the user names.
import type { ImageSigner } from '@caisson/host/image';
import { UsageError } from './exit-code.ts';
import type { Surroundings } from './surroundings.ts';

// Chosen: a certificate has some two KiB, its words of `openssl x509 -text` as many; a key less.
const maxBytes = 65_536;

/** Rejects what `createImageSigner` rejects; UsageError for a key of AWS KMS, which does not leave it. */
export async function readSigner(
  key: string,
  certificate: string,
  { env }: Pick<Surroundings, 'env'>,
): Promise<ImageSigner> {
  if (key.startsWith('arn:')) {
    throw new UsageError(
      `signing with a key of AWS KMS is not offered, got ${key}`,
      'give a private key as a PEM file',
    );
  }
  const { createImageSigner } = await import('@caisson/host/image');
  const { readBoundedFile } = await import('@caisson/link/argonaut');
  const passphrase = env['CAISSON_KEY_PASSPHRASE'];
  return await createImageSigner({
    key: await readBoundedFile(key, { maxBytes, what: `signing key ${key}` }),
    certificate: await readBoundedFile(certificate, { maxBytes, what: `signing certificate ${certificate}` }),
    ...(passphrase !== undefined && { passphrase }),
    at: Math.floor(Date.now() / 1000),
  });
}

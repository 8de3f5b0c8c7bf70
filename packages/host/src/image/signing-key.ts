// The key and the certificate that an image is signed with. Signatures are deterministic (RFC 6979), so that a signed image too has the
// same bytes every time; node:crypto draws a nonce for each, hence the arithmetic of @noble/curves.
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { EifSignatureAlgorithm } from '@caisson/core/eif';
import { parseEifCertificate } from '@caisson/core/eif';
import { CaissonError, ParseError, VerificationError } from '@caisson/core/errors';
import type { ImageErrorCode } from './error-code.ts';

export interface ImageSigner {
  /** As it will stand in the section. */
  readonly certificatePem: Uint8Array;
  /** r || s. */
  sign(toBeSigned: Uint8Array, algorithm: EifSignatureAlgorithm): Uint8Array;
}

export interface SigningMaterial {
  /** PEM: PKCS #8, SEC 1, or either encrypted. */
  readonly key: Uint8Array;
  readonly certificate: Uint8Array;
  readonly passphrase?: string;
  /** Unix seconds at which the certificate must be valid. */
  readonly at: number;
}

// Given: what Node says without a passphrase (the prompt that is not there is cancelled) and with a wrong one.
const passphraseCodes = new Set([
  'ERR_MISSING_PASSPHRASE',
  'ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED',
  'ERR_OSSL_BAD_DECRYPT',
]);
const secretBytes = { 'P-256': 32, 'P-384': 48, 'P-521': 66 };

/**
 * Rejects ParseError IMAGE_SIGNING_KEY, EIF_CERTIFICATE; VerificationError IMAGE_SIGNING_PAIR for a certificate of another key,
 * IMAGE_SIGNING_DATE for one that is not valid now: nitro-cli and the hypervisor would refuse the image.
 */
export async function createImageSigner(material: SigningMaterial): Promise<ImageSigner> {
  const { key, certificate, passphrase, at } = material;
  const { notBefore, notAfter, publicKey } = parseEifCertificate(certificate);
  if (at < notBefore || at > notAfter) {
    const [from, to, when] = [notBefore, notAfter, at].map((second) => new Date(second * 1000).toISOString());
    throw new VerificationError<ImageErrorCode>(
      'IMAGE_SIGNING_DATE',
      `signing certificate must be valid at ${when}, got ${from} to ${to}`,
      { hint: 'an image that is signed with it would not start; renew the certificate' },
    );
  }
  const secret = openKey(key, passphrase);
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' });
  if (!spki.equals(publicKey.spki)) {
    throw new VerificationError<ImageErrorCode>(
      'IMAGE_SIGNING_PAIR',
      'signing certificate must be of the signing key, got one of another key',
    );
  }
  // Loaded here: most of what imports this room signs nothing.
  const { p256, p384, p521 } = await import('@noble/curves/nist.js');
  const curves = { 'P-256': p256, 'P-384': p384, 'P-521': p521 };
  return {
    certificatePem: certificate,
    sign(toBeSigned, { curve, hash }) {
      const scalar = Buffer.from(secret.export({ format: 'jwk' }).d ?? '', 'base64url');
      const width = secretBytes[curve];
      const padded = Buffer.concat([Buffer.alloc(width - scalar.length), scalar]);
      try {
        const digest = createHash(hash.replace('-', '').toLowerCase()).update(toBeSigned).digest();
        return curves[curve].sign(digest, padded, { prehash: false, lowS: false });
      } finally {
        scalar.fill(0);
        padded.fill(0);
      }
    },
  };
}

function openKey(pem: Uint8Array, passphrase: string | undefined): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: Buffer.from(pem), format: 'pem', ...(passphrase !== undefined && { passphrase }) });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    // What OpenSSL says of a key is never shown: it may quote it.
    const needsPassphrase = passphraseCodes.has(code);
    throw new ParseError<ImageErrorCode>(
      'IMAGE_SIGNING_KEY',
      `signing key must be a private key as PEM, ${needsPassphrase ? 'and its passphrase the right one' : 'got something else'}`,
      needsPassphrase ? { hint: 'set CAISSON_KEY_PASSPHRASE' } : {},
    );
  }
  if (key.asymmetricKeyType === 'ec') return key;
  throw new CaissonError<ImageErrorCode>(
    'IMAGE_SIGNING_KEY',
    `signing key must be on P-256, P-384 or P-521, got ${key.asymmetricKeyType}`,
  );
}

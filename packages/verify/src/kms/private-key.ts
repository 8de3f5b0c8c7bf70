// The key that opens an answer: a WebCrypto key, or PKCS#8 text. From the text the public half can be told, and with it the
// identifier that KMS writes into its answers; a WebCrypto key that cannot be exported keeps it to itself.
import { DER_TAG, derBitString, derElement, derOid, derSequence, derUnsigned, openDer } from '@caisson/core/der';
import { ParseError } from '@caisson/core/errors';
import { parsePem } from '@caisson/core/x509';
import type { KmsErrorCode } from './error-code.ts';

export interface OpeningKey {
  readonly key: CryptoKey;
  /** SHA-256 of the SubjectPublicKeyInfo, where it can be told. */
  readonly keyId: Uint8Array | undefined;
}

// Given: RFC 8017 appendix A.1; KMS takes RSA keys of 2,048 bits and more.
const rsaEncryption = derOid('1.2.840.113549.1.1.1');
const minModulusBits = 2048;
const maxModulusBytes = 512;
const maxExponentBytes = 8;

export const RSA_OAEP = { name: 'RSA-OAEP', hash: 'SHA-256' } as const;

/**
 * Throws TypeError for a WebCrypto key of another kind, ParseError KMS_PRIVATE_KEY or X509_PEM for text that is no PKCS#8 RSA
 * key. No message quotes any of it.
 */
export async function readOpeningKey(privateKey: string | CryptoKey): Promise<OpeningKey> {
  if (typeof privateKey !== 'string') return { key: requireUsable(privateKey), keyId: undefined };
  const pkcs8 = parsePem('PRIVATE KEY', privateKey);
  const publicKey = publicHalfOf(pkcs8);
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey('pkcs8', pkcs8, RSA_OAEP, false, ['decrypt']);
  } catch {
    // Importers say in their message what they found, and this text may hold a key: the cause stays here.
    throw new ParseError<KmsErrorCode>('KMS_PRIVATE_KEY', 'KMS private key must be an RSA key that WebCrypto takes');
  }
  return { key: requireUsable(key), keyId: await keyIdOf(publicKey) };
}

/** What KMS names a recipient by: SHA-256 of its SubjectPublicKeyInfo. */
export async function keyIdOf(publicKey: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', publicKey));
}

function requireUsable(key: CryptoKey): CryptoKey {
  const algorithm = key?.algorithm as RsaHashedKeyAlgorithm | undefined;
  const isOaep = algorithm?.name === RSA_OAEP.name && algorithm.hash.name === RSA_OAEP.hash;
  if (
    !isOaep ||
    key.type !== 'private' ||
    !key.usages.includes('decrypt') ||
    algorithm.modulusLength < minModulusBits
  ) {
    throw new TypeError(
      `privateKey must be PKCS#8 PEM text or a private RSA-OAEP key with SHA-256, usage decrypt and at least ` +
        `${minModulusBits} bits, got ${describe(key)}`,
    );
  }
  return key;
}

function describe(key: CryptoKey | undefined): string {
  const algorithm = key?.algorithm as Partial<RsaHashedKeyAlgorithm> | undefined;
  if (algorithm?.name === undefined) return typeof key;
  return [key?.type, algorithm.name, algorithm.hash?.name, algorithm.modulusLength].filter(Boolean).join(' ');
}

// PrivateKeyInfo (RFC 5208 section 5) around RSAPrivateKey (RFC 8017 A.1.2), whose first integers are the public key.
function publicHalfOf(pkcs8: Uint8Array): Uint8Array<ArrayBuffer> {
  try {
    const info = openDer(pkcs8, DER_TAG.sequence, 'private key');
    info.takeSmallInteger('version', 1);
    const algorithm = info.enter(DER_TAG.sequence, 'algorithm');
    const { bytes: identifier } = algorithm.take(DER_TAG.oid, 'identifier');
    const rsa = openDer(info.takeOctets('key'), DER_TAG.sequence, 'RSA key');
    rsa.takeSmallInteger('version', 0);
    const modulus = rsa.takeUnsigned('modulus', maxModulusBytes);
    const exponent = rsa.takeUnsigned('exponent', maxExponentBytes);
    if (identifier.join() !== rsaEncryption.join()) throw new ParseError<KmsErrorCode>('KMS_PRIVATE_KEY', 'not RSA');
    return encodeRsaPublicKey(modulus, exponent);
  } catch {
    // DER faults name lengths and offsets inside a secret: nothing of them leaves.
    throw new ParseError<KmsErrorCode>(
      'KMS_PRIVATE_KEY',
      `KMS private key must be PKCS#8 of an RSA key of at most ${maxModulusBytes * 8} bits, got something else`,
    );
  }
}

function encodeRsaPublicKey(modulus: Uint8Array, exponent: Uint8Array): Uint8Array<ArrayBuffer> {
  const algorithm = derSequence(rsaEncryption, derElement(DER_TAG.null));
  return derSequence(algorithm, derBitString(derSequence(derUnsigned(modulus), derUnsigned(exponent))));
}

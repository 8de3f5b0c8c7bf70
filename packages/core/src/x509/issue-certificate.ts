// Writes an X.509 v3 certificate signed with ECDSA P-384 and SHA-384 (RFC 5280 4.1, RFC 5758 3.2), the only kind in a Nitro
// chain, or with Ed25519 (RFC 8410), the only kind of the control channel. Signing goes through WebCrypto, so the same code
// issues in Node and in a browser.

import type { SigningKey } from '../cose/index.ts';
import {
  contextConstructed,
  derBitString,
  derElement,
  derExplicit,
  derOid,
  derSequence,
  derTime,
  derUnsigned,
} from '../der/index.ts';
import { encodeEcdsaSignature } from './ecdsa-signature.ts';
import { OID } from './oid.ts';

export interface CertificateFields {
  /** Big-endian magnitude, 1..20 bytes. */
  readonly serial: Uint8Array;
  /** DER of the names. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Unix seconds, whole. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  /** DER of each extension, in order. */
  readonly extensions: readonly Uint8Array[];
}

/** `signingKey` is the issuer's P-384 or Ed25519 private key, usable for sign. Resolves with the certificate's DER. */
export async function issueCertificate(
  fields: CertificateFields,
  signingKey: SigningKey,
): Promise<Uint8Array<ArrayBuffer>> {
  if (fields.notAfter < fields.notBefore) {
    throw new TypeError(`certificate must not end before it begins, got ${fields.notBefore}..${fields.notAfter}`);
  }
  const isEd25519 = signingKey.algorithm.name === 'Ed25519';
  // RFC 5758 3.2, RFC 8410 3: neither has parameters, not even NULL.
  const algorithm = derSequence(derOid(isEd25519 ? OID.ed25519 : OID.ecdsaWithSha384));
  const tbs = derSequence(
    derExplicit(0, derUnsigned(2)),
    derUnsigned(fields.serial),
    algorithm,
    fields.issuer,
    derSequence(derTime(fields.notBefore), derTime(fields.notAfter)),
    fields.subject,
    fields.publicKey,
    derElement(contextConstructed(3), derSequence(...fields.extensions)),
  );
  const scheme = isEd25519 ? { name: 'Ed25519' } : { name: 'ECDSA', hash: 'SHA-384' };
  const raw = new Uint8Array(await crypto.subtle.sign(scheme, signingKey as CryptoKey, tbs));
  return derSequence(tbs, algorithm, derBitString(isEd25519 ? raw : encodeEcdsaSignature(raw)));
}

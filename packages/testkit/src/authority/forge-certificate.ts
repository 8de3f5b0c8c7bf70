// Certificates that a sound authority would never issue: every field can be bent by itself, and the signature over the result is
// right unless that is what is bent. So a refusal can only come from the one thing that is wrong.
import { derBitString, derElement, derExplicit, derOid, derSequence, derTime, derUnsigned } from '@caisson/core/der';
import { encodeEcdsaSignature, OID } from '@caisson/core/x509';

/** WebCrypto's key as the running platform types it. */
export type WebKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

export interface SoundFields {
  /** DER of the names. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Unix seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly spki: Uint8Array;
  /** DER of each extension. */
  readonly extensions: readonly Uint8Array[];
}

export interface CertificateBend extends Partial<SoundFields> {
  /** DER of `[0] EXPLICIT Version`; empty: version 1. */
  readonly version?: Uint8Array;
  /** DER of the INTEGER. */
  readonly serial?: Uint8Array;
  /** DER of the AlgorithmIdentifier inside and outside; one alone makes them differ. */
  readonly innerAlgorithm?: Uint8Array;
  readonly outerAlgorithm?: Uint8Array;
  /** DER of the Validity, instead of the two times. */
  readonly validity?: Uint8Array;
  /** What stands between SubjectPublicKeyInfo and the extensions. */
  readonly beforeExtensions?: Uint8Array;
  /** DER of the ECDSA-Sig-Value from r || s. */
  readonly signature?: (raw: Uint8Array) => Uint8Array;
  /** The issuer's key unless given. */
  readonly signWith?: WebKey;
  /** Given to WebCrypto; default SHA-384. */
  readonly hash?: string;
  /** The last word on the bytes. */
  readonly bytes?: (der: Uint8Array) => Uint8Array;
}

const algorithm = derSequence(derOid(OID.ecdsaWithSha384));

export async function forgeCertificate(
  sound: SoundFields,
  bend: CertificateBend,
  issuerKey: WebKey,
): Promise<Uint8Array> {
  const fields = { ...sound, ...bend };
  const inner = bend.innerAlgorithm ?? algorithm;
  const tbs = derSequence(
    bend.version ?? derExplicit(0, derUnsigned(2)),
    bend.serial ?? derUnsigned(crypto.getRandomValues(new Uint8Array(16)).fill(0x40, 0, 1)),
    inner,
    fields.issuer,
    bend.validity ?? derSequence(derTime(fields.notBefore), derTime(fields.notAfter)),
    fields.subject,
    fields.spki,
    ...(bend.beforeExtensions === undefined ? [] : [bend.beforeExtensions]),
    ...(fields.extensions.length === 0 ? [] : [derElement(0xa3, derSequence(...fields.extensions))]),
  );
  const signer = { name: 'ECDSA', hash: bend.hash ?? 'SHA-384' };
  const raw = new Uint8Array(await crypto.subtle.sign(signer, bend.signWith ?? issuerKey, tbs));
  const signature = (bend.signature ?? encodeEcdsaSignature)(raw);
  const der = derSequence(tbs, bend.outerAlgorithm ?? inner, derBitString(signature));
  return bend.bytes === undefined ? der : bend.bytes(der);
}

// The key of one end of a control session and the certificate that TLS asks for. The certificate says nothing that anybody believes: only the
// key in it counts, on the enclave's end by the document, on the operator's end by the list.
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { toHex } from '@caisson/core/bytes';
import { encodeName, issueCertificate, OID, toPem } from '@caisson/core/x509';

export interface ControlIdentity {
  /** PEM, as node:tls takes it. */
  readonly key: Buffer;
  readonly certificate: string;
  readonly privateKey: KeyObject;
  /** DER of SubjectPublicKeyInfo. */
  readonly spki: Uint8Array<ArrayBuffer>;
  /** Hex. */
  readonly spkiSha256: string;
}

// RFC 5280 4.1.2.5: no well-defined end. An expiry would be one more clock to lie about; lists and documents have the dates.
const notAfter = Date.UTC(9999, 11, 31, 23, 59, 59) / 1_000;

/** `privateKey`: Ed25519; default a fresh one. Throws TypeError for any other kind. */
export async function createControlIdentity(privateKey?: KeyObject): Promise<ControlIdentity> {
  const own = privateKey ?? generateKeyPairSync('ed25519').privateKey;
  if (own.type !== 'private' || own.asymmetricKeyType !== 'ed25519') {
    throw new TypeError(`privateKey must be an Ed25519 private key, got ${own.asymmetricKeyType ?? own.type}`);
  }
  const spki = Uint8Array.from(createPublicKey(own).export({ type: 'spki', format: 'der' }));
  const name = encodeName([{ oid: OID.commonName, value: 'caisson-control' }]);
  const serial = Uint8Array.from(randomBytes(16));
  serial[0] = (serial[0]! & 0x7f) | 0x01;
  const certificate = await issueCertificate(
    { serial, issuer: name, subject: name, notBefore: 0, notAfter, publicKey: spki, extensions: [] },
    own.toCryptoKey('Ed25519', false, ['sign']),
  );
  return {
    key: own.export({ type: 'pkcs8', format: 'pem' }) as Buffer,
    certificate: toPem('CERTIFICATE', certificate),
    privateKey: own,
    spki,
    spkiSha256: toHex(sha256(spki)),
  };
}

export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(createHash('sha256').update(bytes).digest());
}

export function sha384(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(createHash('sha384').update(bytes).digest());
}

// A key with its certificate, and issuing one from another. Keys live in WebCrypto; only a root's may leave it, to be kept,
// and a leaf's that somebody else signs with (a virtual machine's NSM).
import { issueCertificate, parseCertificate } from '@caisson/core/x509';
import { type ChainProfile, subjectName } from './chain-profile.ts';

/** WebCrypto's key as the running platform types it: Node and the browser libraries name it differently. */
export type WebKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

export interface Signer {
  readonly certificate: Uint8Array;
  /** DER of its subject. */
  readonly name: Uint8Array;
  readonly key: WebKey;
  readonly keyIdentifier: Uint8Array;
  /** Unix seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Undefined for a root. */
  readonly issuer: Signer | undefined;
}

export interface SignerRequest {
  readonly profile: ChainProfile;
  readonly commonName: string;
  /** Undefined: signs itself, and its key can be exported. */
  readonly issuer: Signer | undefined;
  /** Unix seconds, the moment of issue. */
  readonly at: number;
  /** Default: 16 random bytes. */
  readonly serial?: Uint8Array;
  /** Its key can be exported, as a root's can. Default false. */
  readonly exportable?: boolean;
}

export async function createSigner(request: SignerRequest): Promise<Signer> {
  const { profile, commonName, issuer, at, serial } = request;
  const exportable = issuer === undefined || request.exportable === true;
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, exportable, ['sign', 'verify']);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey));
  const subject = await keyIdentifierOf(pair.publicKey);
  const notBefore = at - profile.backdateSeconds;
  const name = subjectName(commonName);
  const fields = {
    serial: serial ?? positive(crypto.getRandomValues(new Uint8Array(16))),
    issuer: issuer?.name ?? name,
    subject: name,
    notBefore,
    notAfter: notBefore + profile.lifetimeSeconds,
    publicKey,
    extensions: profile.extensions({ subject, authority: issuer?.keyIdentifier ?? subject }),
  };
  const certificate = await issueCertificate(fields, issuer?.key ?? pair.privateKey);
  return {
    certificate,
    name,
    key: pair.privateKey,
    keyIdentifier: subject,
    notBefore,
    notAfter: fields.notAfter,
    issuer,
  };
}

/** A signer from what was kept: its certificate and private key, which must belong together. Throws whatever is wrong. */
export async function restoreSigner(certificate: Uint8Array, privateKey: Uint8Array): Promise<Signer> {
  const { publicKey, subject, notBefore, notAfter } = parseCertificate(certificate);
  const curve = { name: 'ECDSA', namedCurve: 'P-384' };
  const key = await crypto.subtle.importKey('pkcs8', Uint8Array.from(privateKey), curve, true, ['sign']);
  const verifier = await crypto.subtle.importKey('spki', Uint8Array.from(publicKey.spki), curve, true, ['verify']);
  const probe = crypto.getRandomValues(new Uint8Array(32));
  const algorithm = { name: 'ECDSA', hash: 'SHA-384' };
  const signature = await crypto.subtle.sign(algorithm, key, probe);
  if (!(await crypto.subtle.verify(algorithm, verifier, signature, probe))) {
    throw new Error('the private key does not belong to the certificate');
  }
  return {
    certificate,
    name: subject,
    key,
    keyIdentifier: await keyIdentifierOf(verifier),
    notBefore,
    notAfter,
    issuer: undefined,
  };
}

// RFC 5280 4.2.1.2 method 1: SHA-1 of the key's bits; a name for finding, not a proof.
async function keyIdentifierOf(publicKey: WebKey): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-1', await crypto.subtle.exportKey('raw', publicKey)));
}

// RFC 5280 4.1.2.2: serial numbers are positive.
function positive(bytes: Uint8Array): Uint8Array {
  bytes[0]! |= 0x40;
  return bytes;
}

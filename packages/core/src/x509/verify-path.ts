// Certification path validation (RFC 5280 section 6.1) for the one kind of path in an attestation document: from a trust anchor
// down, in the order given, every link by one algorithm. No search, no fetching, no policy tree: a path that needs any of
// them is refused. What costs no signature check is looked at first; signatures are checked from the anchor down, so that a
// forged path costs one.
import { equalBytes } from '../bytes/index.ts';
import { ParseError, VerificationError } from '../errors/index.ts';
import { parseEcdsaSignature } from './ecdsa-signature.ts';
import type { X509ErrorCode } from './error-code.ts';
import { KEY_USAGE } from './extension.ts';
import { nameText } from './name.ts';
import { OID } from './oid.ts';
import type { Certificate, PublicKey } from './parse-certificate.ts';
import { importVerifyKey } from './verify-key.ts';

export interface PathOptions {
  /** Whole unix seconds at which every certificate must be valid, the anchor included. */
  readonly at: number;
}

// Chosen: hardware's paths have five certificates.
const maxPathCertificates = 9;
// Given: FIPS 186-4 D.2.4, bytes of a P-384 scalar.
const scalarBytes = 48;

/**
 * `path` begins with the anchor, which the caller trusts already (its own signature proves nothing and is not looked at), and
 * ends with the leaf. Rejects with VerificationError X509_PATH_LENGTH, X509_NAME, X509_NOT_CA, X509_KEY_USAGE, X509_LEAF,
 * X509_SIGNATURE, X509_VALIDITY in this order; ParseError X509_ALGORITHM or X509_KEY.
 */
export async function verifyCertificatePath(path: readonly Certificate[], { at }: PathOptions): Promise<void> {
  if (path.length < 2 || path.length > maxPathCertificates) {
    throw broken('X509_PATH_LENGTH', `certificate path must have 2..${maxPathCertificates} levels, got ${path.length}`);
  }
  const leaf = path.length - 1;
  for (const [level, certificate] of path.entries()) {
    const issuer = path[level - 1];
    if (issuer !== undefined) verifyLink(certificate, issuer, level);
    if (level < leaf) verifyAuthority(certificate, level, leaf - level - 1);
    else verifyLeaf(certificate, level);
  }
  for (const [level, certificate] of path.entries()) {
    const issuer = path[level - 1];
    if (issuer !== undefined) await verifySignedBy(certificate, issuer.publicKey, level);
  }
  for (const [level, certificate] of path.entries()) verifyValidity(certificate, at, level);
}

// RFC 5280 6.1.3 (a)(4). Compared as bytes: two spellings of one name would need a reader that agrees with all others.
function verifyLink(certificate: Certificate, issuer: Certificate, level: number): void {
  if (!equalBytes(certificate.issuer, issuer.subject)) {
    const seen = `${nameText(certificate.issuer)} under ${nameText(issuer.subject)}`;
    throw broken('X509_NAME', `certificate ${level} must name the subject above it as its issuer, got ${seen}`);
  }
  // RFC 5280 6.1.4 (l) would not count a self-issued certificate against a path length; hardware has none, so none may pass.
  if (equalBytes(certificate.issuer, certificate.subject)) {
    throw broken('X509_NAME', `certificate ${level} must have another subject than its issuer below the anchor`);
  }
}

// RFC 5280 6.1.4 (k), (m), (n), for the anchor too: what it says about itself binds as well.
function verifyAuthority({ basicConstraints, keyUsage }: Certificate, level: number, below: number): void {
  if (basicConstraints?.isCa !== true) {
    throw broken('X509_NOT_CA', `certificate ${level} must be a CA to sign the one below it, got none`);
  }
  if (!keyUsage?.bits.includes(KEY_USAGE.keyCertSign)) {
    const seen = keyUsage === undefined ? 'no key usage' : `key usage bits ${keyUsage.bits.join(' ')}`;
    throw broken('X509_KEY_USAGE', `certificate ${level} must have key usage keyCertSign, got ${seen}`);
  }
  if (basicConstraints.pathLength !== undefined && below > basicConstraints.pathLength) {
    const bound = `${basicConstraints.pathLength} CA certificates between itself and the leaf`;
    throw broken('X509_PATH_LENGTH', `certificate ${level} allows at most ${bound}, got ${below}`);
  }
}

// A CA as leaf would let whoever is attested make leaves of his own.
function verifyLeaf({ basicConstraints, keyUsage }: Certificate, level: number): void {
  if (basicConstraints?.isCa) throw broken('X509_LEAF', `certificate ${level} is the leaf and must be no CA, got a CA`);
  if (!keyUsage?.bits.includes(KEY_USAGE.digitalSignature)) {
    const seen = keyUsage === undefined ? 'no key usage' : `key usage bits ${keyUsage.bits.join(' ')}`;
    throw broken('X509_LEAF', `certificate ${level} is the leaf and must have key usage digitalSignature, got ${seen}`);
  }
}

// RFC 5280 6.1.3 (a)(1).
async function verifySignedBy(certificate: Certificate, issuer: PublicKey, level: number): Promise<void> {
  // The algorithm is ours to choose: a weaker one that the certificate names is a downgrade.
  if (certificate.signatureAlgorithm !== OID.ecdsaWithSha384 || issuer.curve !== OID.secp384r1) {
    const seen = `${certificate.signatureAlgorithm} by a key on ${issuer.curve ?? issuer.algorithm}`;
    throw new ParseError<X509ErrorCode>(
      'X509_ALGORITHM',
      `certificate ${level} must be signed with ecdsa-with-SHA384 by a P-384 key, got ${seen}`,
    );
  }
  const signature = parseEcdsaSignature(certificate.signature, scalarBytes);
  const key = await importVerifyKey(issuer);
  const tbs = new Uint8Array(certificate.tbs);
  if (!(await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-384' }, key, signature, tbs))) {
    const subject = nameText(certificate.subject);
    throw broken('X509_SIGNATURE', `certificate ${level} (${subject}) must be signed by the key of the one above it`);
  }
}

// RFC 5280 4.1.2.5: both ends belong to it.
function verifyValidity({ notBefore, notAfter, subject }: Certificate, at: number, level: number): void {
  if (at >= notBefore && at <= notAfter) return;
  const [from, to, when] = [notBefore, notAfter, at].map(timeText);
  const message = `certificate ${level} (${nameText(subject)}) must be valid at ${when}, got ${from} to ${to}`;
  throw broken('X509_VALIDITY', message);
}

function timeText(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1000);
  return Number.isNaN(date.getTime()) ? `${unixSeconds} s` : date.toISOString().replace('.000Z', 'Z');
}

function broken(code: X509ErrorCode, message: string): VerificationError<X509ErrorCode> {
  return new VerificationError(code, message);
}

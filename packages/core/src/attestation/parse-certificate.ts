// One certificate of an attestation document: X.509 v3, P-384 key, ecdsa-with-SHA384, no critical extension besides
// basicConstraints and keyUsage. Every certificate of AWS hardware is that; a weaker key or hash would be a downgrade.
import { ParseError } from '../errors/index.ts';
import { type Certificate, OID, parseCertificate } from '../x509/index.ts';
import type { AttestationErrorCode } from './error-code.ts';
import { maxCertificateBytes } from './limit.ts';

// Given: SEC 1 section 2.3.3, an uncompressed point of P-384.
const pointBytes = 97;
const uncompressed = 0x04;

/** Throws ParseError ATTESTATION_CERTIFICATE, or an error of the X509, DER and BYTES rooms. */
export function parseAttestationCertificate(der: Uint8Array): Certificate {
  const certificate = parseCertificate(der, maxCertificateBytes);
  const { publicKey, signatureAlgorithm, hasSignatureParameters, extensions } = certificate;
  if (publicKey.algorithm !== OID.ecPublicKey || publicKey.curve !== OID.secp384r1) {
    throw fault(
      `certificate key must be on P-384, got ${publicKey.algorithm} ${publicKey.curve ?? 'without a named curve'}`,
    );
  }
  if (publicKey.bytes.length !== pointBytes || publicKey.bytes[0] !== uncompressed) {
    throw fault(`certificate key must be an uncompressed point of ${pointBytes} bytes, got ${publicKey.bytes.length}`);
  }
  if (signatureAlgorithm !== OID.ecdsaWithSha384 || hasSignatureParameters) {
    throw fault(`certificate signature must be ecdsa-with-SHA384 without parameters, got ${signatureAlgorithm}`);
  }
  // RFC 5280 4.2: an unknown critical extension must make the certificate unusable.
  const stray = extensions.find(
    ({ oid, isCritical }) => isCritical && oid !== OID.basicConstraints && oid !== OID.keyUsage,
  );
  if (stray !== undefined) throw fault(`certificate must have no other critical extension, got ${stray.oid}`);
  return certificate;
}

function fault(message: string): ParseError<AttestationErrorCode> {
  return new ParseError('ATTESTATION_CERTIFICATE', message);
}

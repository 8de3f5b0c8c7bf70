// X.509 certificates: parse, issue, validate a path, and the pieces they need.
export { encodeEcdsaSignature, parseEcdsaSignature } from './ecdsa-signature.ts';
export type { X509ErrorCode } from './error-code.ts';
export { X509_ERROR_CODES } from './error-code.ts';
export type { BasicConstraints, Extension, KeyUsage } from './extension.ts';
export {
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeKeyUsage,
  encodeSubjectKeyIdentifier,
  KEY_USAGE,
} from './extension.ts';
export type { CertificateFields } from './issue-certificate.ts';
export { issueCertificate } from './issue-certificate.ts';
export type { NameAttribute } from './name.ts';
export { commonNameOf, encodeName, nameText, parseName } from './name.ts';
export { OID } from './oid.ts';
export type { Certificate, PublicKey } from './parse-certificate.ts';
export { parseCertificate, parsePublicKey } from './parse-certificate.ts';
export { parsePem, toPem } from './pem.ts';
export { importVerifyKey } from './verify-key.ts';
export type { PathOptions } from './verify-path.ts';
export { verifyCertificatePath } from './verify-path.ts';

// Relying party: the verifier of attestation documents.
export { AWS_ROOT_SHA256, awsRoot } from './aws-root.ts';
export type { CaissonClaims } from './claim.ts';
export type { RefusalCode, VerificationClass, VerifyErrorCode } from './error-code.ts';
export { VERIFICATION_CLASSES, VERIFY_ERROR_CODES } from './error-code.ts';
export { VerificationError } from './verification-error.ts';
export type { VerifiedCertificate, VerifiedDocument } from './verified-document.ts';
export type { VerifyDocumentOptions } from './verify-document.ts';
export { verifyDocument } from './verify-document.ts';

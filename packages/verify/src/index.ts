// Relying party: the verifier of attestation documents.
export type { AttestOptions, WebAttestation } from './attest.ts';
export { attest } from './attest.ts';
export { AWS_ROOT_SHA256, awsRoot } from './aws-root.ts';
export type { CaissonClaims } from './claim.ts';
export type { RefusalCode, VerificationClass, VerifyErrorCode } from './error-code.ts';
export { VERIFICATION_CLASSES, VERIFY_ERROR_CODES } from './error-code.ts';
export type { DocumentAnswer, DocumentGetter } from './fetch-document.ts';
export { fetchDocument } from './fetch-document.ts';
export type { ReplayCache, ReplayCacheOptions } from './replay-cache.ts';
export { createReplayCache } from './replay-cache.ts';
export { VerificationError } from './verification-error.ts';
export type { VerifiedCertificate, VerifiedDocument } from './verified-document.ts';
export type { AttestationDemand, VerifiedAttestation } from './verify-attestation.ts';
export { verifyAttestation, verifyByPolicy } from './verify-attestation.ts';
export type { VerifyDocumentOptions } from './verify-document.ts';
export { verifyDocument } from './verify-document.ts';

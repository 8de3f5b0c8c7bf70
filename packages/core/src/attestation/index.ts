// Attestation documents of AWS Nitro Enclaves: write the payload, parse the whole. Nothing here verifies.
export type { AttestationErrorCode } from './error-code.ts';
export { ATTESTATION_ERROR_CODES } from './error-code.ts';
export {
  maxCertificateBytes,
  maxDocumentBytes,
  maxNonceBytes,
  maxPayloadBytes,
  maxPcrs,
  maxPublicKeyBytes,
  maxUserDataBytes,
  pcrBytes,
  signatureBytes,
} from './limit.ts';
export { parseAttestationCertificate } from './parse-certificate.ts';
export type { UnverifiedDocument } from './parse-document.ts';
export { parseAttestationDocument } from './parse-document.ts';
export type { ParsedPayload } from './parse-payload.ts';
export { parseAttestationPayload } from './parse-payload.ts';
export type { AttestationPayload, EncodePayloadOptions } from './payload.ts';
export { encodeAttestationPayload } from './payload.ts';

// Answers of AWS KMS to an enclave.
export type { RecipientEnvelope } from './envelope.ts';
export { parseRecipientEnvelope } from './envelope.ts';
export type { KmsErrorCode } from './error-code.ts';
export { KMS_ERROR_CODES } from './error-code.ts';
export type { OpenOptions } from './open.ts';
export { openCiphertextForRecipient } from './open.ts';
export type { KmsRecipient } from './recipient.ts';
export { createRecipient } from './recipient.ts';

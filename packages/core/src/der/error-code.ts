// What can be wrong with DER (ITU-T X.690), told apart so that a verifier can say why it refused.

export const DER_ERROR_CODES = ['DER_TRUNCATED', 'DER_LENGTH', 'DER_TAG', 'DER_TRAILING', 'DER_VALUE'] as const;
export type DerErrorCode = (typeof DER_ERROR_CODES)[number];

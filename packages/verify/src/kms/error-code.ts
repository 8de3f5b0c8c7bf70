// What can be wrong with an answer of KMS and with the key that should open it.

export const KMS_ERROR_CODES = ['KMS_ENVELOPE', 'KMS_ENVELOPE_SIZE', 'KMS_PRIVATE_KEY', 'KMS_ANSWER'] as const;
export type KmsErrorCode = (typeof KMS_ERROR_CODES)[number];

// What can be wrong with an attestation document beyond its CBOR, COSE and DER.

export const ATTESTATION_ERROR_CODES = ['ATTESTATION_PAYLOAD', 'ATTESTATION_FIELD', 'ATTESTATION_CERTIFICATE'] as const;
export type AttestationErrorCode = (typeof ATTESTATION_ERROR_CODES)[number];

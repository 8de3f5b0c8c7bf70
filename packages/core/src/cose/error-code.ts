// What can be wrong with a COSE_Sign1 beyond its CBOR.

export const COSE_ERROR_CODES = [
  'COSE_FORM',
  'COSE_PROTECTED',
  'COSE_UNPROTECTED',
  'COSE_PAYLOAD',
  'COSE_SIGNATURE',
  'COSE_VERIFICATION',
] as const;
export type CoseErrorCode = (typeof COSE_ERROR_CODES)[number];

// What can be wrong with a certificate or a signature value beyond its DER.

export const X509_ERROR_CODES = [
  'X509_PEM',
  'X509_SIZE',
  'X509_VERSION',
  'X509_ALGORITHM',
  'X509_EXTENSION',
  'X509_SIGNATURE_VALUE',
] as const;
export type X509ErrorCode = (typeof X509_ERROR_CODES)[number];

// What can be wrong with a certificate, a signature value or a path of certificates beyond their DER.

export const X509_ERROR_CODES = [
  'X509_PEM',
  'X509_SIZE',
  'X509_VERSION',
  'X509_ALGORITHM',
  'X509_EXTENSION',
  'X509_SIGNATURE_VALUE',
  'X509_KEY',
  'X509_PATH_LENGTH',
  'X509_NAME',
  'X509_NOT_CA',
  'X509_KEY_USAGE',
  'X509_LEAF',
  'X509_SIGNATURE',
  'X509_VALIDITY',
] as const;
export type X509ErrorCode = (typeof X509_ERROR_CODES)[number];

// What can go wrong with a container image, from its name to its last layer.

export const OCI_ERROR_CODES = [
  'OCI_SOURCE',
  'OCI_REFERENCE',
  'OCI_MANIFEST',
  'OCI_MEDIA',
  'OCI_PLATFORM',
  'OCI_BLOB',
  'OCI_DIGEST',
  'OCI_LAYER',
  'OCI_LIMIT',
  'OCI_CHANGED',
  'OCI_REGISTRY',
  'OCI_AUTH',
  'OCI_CREDENTIALS',
  'OCI_REDIRECT',
  'OCI_DEADLINE',
] as const;
export type OciErrorCode = (typeof OCI_ERROR_CODES)[number];

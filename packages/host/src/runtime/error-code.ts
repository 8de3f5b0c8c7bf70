// What can go wrong between named inputs and the parts of an image.

export const RUNTIME_ERROR_CODES = [
  'RUNTIME_ARCHITECTURE',
  'RUNTIME_ARCHIVE',
  'RUNTIME_CACHE',
  'RUNTIME_LEDGER',
  'RUNTIME_PART',
  'RUNTIME_LOCAL',
  'RUNTIME_FETCH',
  'RUNTIME_DIGEST',
  'RUNTIME_PACKAGE',
  'RUNTIME_ELF',
  'RUNTIME_LIBRARY',
  'RUNTIME_NODE',
  'RUNTIME_TOOL',
] as const;
export type RuntimeErrorCode = (typeof RUNTIME_ERROR_CODES)[number];

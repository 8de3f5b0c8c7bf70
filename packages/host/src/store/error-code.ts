// What can go wrong in the local store.

export const STORE_ERROR_CODES = [
  'STORE_VERSION',
  'STORE_TAG',
  'STORE_UNKNOWN',
  'STORE_AMBIGUOUS',
  'STORE_IN_USE',
  'STORE_DAMAGED',
] as const;
export type StoreErrorCode = (typeof STORE_ERROR_CODES)[number];

// Every way in which an enclave cannot be started, whatever starts it.

export const BACKEND_ERROR_CODES = [
  'BACKEND_BOOT',
  'BACKEND_CAPACITY',
  'BACKEND_CID',
  'BACKEND_IMAGE',
  'BACKEND_LATE',
  'BACKEND_MEASUREMENTS',
  'BACKEND_STATE',
  'BACKEND_UNAVAILABLE',
] as const;
export type BackendErrorCode = (typeof BACKEND_ERROR_CODES)[number];

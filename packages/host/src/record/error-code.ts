// What can be wrong with the records of enclaves, and who may touch them.

export const RECORD_ERROR_CODES = [
  'RECORD_FORM',
  'RECORD_NAME',
  'RECORD_RUNNING',
  'RECORD_STATE',
  'RECORD_UNKNOWN',
  'RECORD_VERSION',
] as const;
export type RecordErrorCode = (typeof RECORD_ERROR_CODES)[number];

// What can go wrong around one enclave that is kept: with its shim, and with what the shim holds it to.

export const SHIM_ERROR_CODES = [
  'SHIM_CONFIG',
  'SHIM_CONSOLE',
  'SHIM_FAILED',
  'SHIM_LATE',
  'SHIM_LEFT',
  'SHIM_LOST',
  'SHIM_NOT_READY',
  'SHIM_PORT',
  'SHIM_PROTOCOL',
  'SHIM_START',
  'SHIM_TAKEN',
  'SHIM_VERB',
] as const;
export type ShimErrorCode = (typeof SHIM_ERROR_CODES)[number];

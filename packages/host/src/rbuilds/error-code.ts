// What can go wrong in rbuilds, beside what its stages themselves throw.

export const RBUILDS_ERROR_CODES = [
  'RBUILDS_APPS',
  'RBUILDS_COMMAND',
  'RBUILDS_ENCLAVE',
  'RBUILDS_ENGINE',
  'RBUILDS_KERNEL',
  'RBUILDS_MACHINE',
  'RBUILDS_NETWORK',
  'RBUILDS_OPTION',
  'RBUILDS_PROGRAM',
  'RBUILDS_STAGE',
] as const;
export type RbuildsErrorCode = (typeof RBUILDS_ERROR_CODES)[number];

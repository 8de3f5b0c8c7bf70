// What can go wrong between this program and nitro-cli, besides what every backend has.

export const NITRO_CLI_ERROR_CODES = [
  'NITRO_FAILED',
  'NITRO_LATE',
  'NITRO_LEFT',
  'NITRO_MEASUREMENTS',
  'NITRO_OUTPUT',
] as const;
export type NitroCliErrorCode = (typeof NITRO_CLI_ERROR_CODES)[number];

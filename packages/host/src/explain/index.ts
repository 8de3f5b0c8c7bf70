// Codes of other tools, in words of this house.
export { explainNitroCode, NITRO_CODES, readNitroFailure } from './explain.ts';
export type { NitroCode } from './nitro-code.ts';

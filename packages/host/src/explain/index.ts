// Codes, in words of this house: those of other tools, and its own.
export type { CaissonCode } from './caisson-code.ts';
export { CAISSON_CODES, explainCaissonCode, hintOfCode, hintOfError } from './caisson-code.ts';
export { explainNitroCode, NITRO_CODES, readNitroFailure } from './explain.ts';
export type { NitroCode } from './nitro-code.ts';

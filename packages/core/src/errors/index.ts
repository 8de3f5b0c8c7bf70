// The errors of the house.
export type { CaissonErrorOptions } from './caisson-error.ts';
export { CaissonError, LimitError, ParseError, PolicyError, VerificationError } from './caisson-error.ts';
export { Secret } from './secret.ts';

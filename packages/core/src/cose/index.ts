// COSE_Sign1: encode, sign, parse.
export type { CoseErrorCode } from './error-code.ts';
export { COSE_ERROR_CODES } from './error-code.ts';
export { signCoseSign1, signCoseSign1Ed25519 } from './sign.ts';
export type { CoseSign1, CoseSign1Rules } from './sign1.ts';
export { COSE_ALGORITHM, encodeCoseSign1, encodeProtectedHeader, encodeSigStructure, parseCoseSign1 } from './sign1.ts';
export type { SigningKey } from './signing-key.ts';
export { verifyCoseSign1Ed25519 } from './verify.ts';

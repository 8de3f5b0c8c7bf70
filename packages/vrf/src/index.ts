// Elliptic-curve VRF proofs (RFC 9381). The nonce function is not here, and nothing exported returns what it makes.
export type { VrfErrorCode } from './error-code.ts';
export { VRF_ERROR_CODES } from './error-code.ts';
export type { VrfKeyOptions, VrfProveOptions } from './prove.ts';
export { vrfProve, vrfPublicKey } from './prove.ts';
export { VRF_SUITE_NAMES } from './suite.ts';
export type { VrfMode } from './transcript.ts';
export type { VrfVerifyOptions } from './verify.ts';
export { vrfVerify } from './verify.ts';

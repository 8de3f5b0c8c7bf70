// The simulated NSM, choosing an NSM, and proving a document with openssl.
export type { IssuedLeaf, SimulatedAuthority, SimulatedAuthorityOptions } from './authority.ts';
export { createSimulatedAuthority } from './authority.ts';
export { openNsmFromEnvironment } from './choose.ts';
export type { SimulatedNsmOptions } from './device.ts';
export { createSimulatedNsm } from './device.ts';
export type { SimulatorErrorCode } from './error-code.ts';
export { SIMULATOR_ERROR_CODES } from './error-code.ts';
export { createModuleId } from './module-id.ts';
export type { ServedNsm, ServeSimulatedNsmOptions } from './serve.ts';
export { serveSimulatedNsm } from './serve.ts';
export type { OpensslVerdict } from './verify-with-openssl.ts';
export { verifyWithOpenssl } from './verify-with-openssl.ts';

// One small process for each enclave: starts it, watches it, carries its connections, keeps its words.
export type { ShimBridgeStats, ShimClient, ShimEvent, ShimStats } from './client-interface.ts';
export { SHIM_PROTOCOL } from './client-interface.ts';
export { endLeft } from './end-left.ts';
export type { ShimErrorCode } from './error-code.ts';
export { SHIM_ERROR_CODES } from './error-code.ts';
export { requireFreePort } from './free-port.ts';
export type { RunShimOptions } from './run-shim.ts';
export { runShim } from './run-shim.ts';
export { shimSocketPath } from './socket-place.ts';
export type { StartShimOptions } from './start-shim.ts';
export { describeStart, endLeftEnclave, openShim, startShim } from './start-shim.ts';
export type { ShimStep } from './step.ts';
export { SHIM_STEPS } from './step.ts';

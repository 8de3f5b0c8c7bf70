// One small process for each enclave: starts it, watches it, carries its connections, keeps its words.
export type { ShimBridgeStats, ShimClient, ShimEvent, ShimStats } from './client-interface.ts';
export { SHIM_PROTOCOL } from './client-interface.ts';

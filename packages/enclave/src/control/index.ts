// The control port inside the enclave.
export { describeEnclave } from './describe-enclave.ts';
export type { EnclaveControlOptions } from './serve-control.ts';
export { serveEnclaveControl } from './serve-control.ts';
export type { WatchedReporter } from './watch-phase.ts';
export { watchPhase } from './watch-phase.ts';

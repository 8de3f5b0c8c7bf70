// The state folder's enclaves: what was asked for and what is so.
export type { RecordedSpec, RestartPolicy } from './spec.ts';
export type { EnclavePhase, RecordedState } from './state.ts';
export { ENCLAVE_PHASES, ENDED_PHASES } from './state.ts';

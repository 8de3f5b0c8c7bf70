// The state folder's enclaves: what was asked for and what is so.
export type { RecordErrorCode } from './error-code.ts';
export { RECORD_ERROR_CODES } from './error-code.ts';
export type { EnclaveFolder } from './folder.ts';
export { enclaveFolder, openEnclaveFolder } from './folder.ts';
export { checkEnclaveName, isEnclaveName } from './name.ts';
export type { EnclaveRecord } from './record.ts';
export { findRecord, isRunning, listRecords, removeRecord } from './record.ts';
export type { RecordedSpec, RestartPolicy } from './spec.ts';
export { parseSpec, readSpec, requireSpecForm, writeSpec } from './spec-form.ts';
export type { EnclavePhase, RecordedState } from './state.ts';
export { ENCLAVE_PHASES, ENDED_PHASES } from './state.ts';
export { stateFault } from './state-fault.ts';
export { isShimAlive, readState, writeState } from './state-form.ts';
export { adviseName } from './unknown-record.ts';
export { openStateFolder, requireStateVersion, STATE_VERSION } from './version.ts';

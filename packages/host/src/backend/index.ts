// What starts enclaves: the interface, and what its implementations share.
export type {
  Backend,
  BackendCapabilities,
  BackendKind,
  CpuChoice,
  DocumentOrigin,
  EnclavePlace,
  EnclaveSpec,
  MissingPart,
  RunningEnclave,
} from './backend.ts';
export type { Boot } from './boot.ts';
export { awaitBoot } from './boot.ts';
export { BootError } from './boot-error.ts';
export type { CidClaim, ClaimedCid } from './cid-pool.ts';
export { claimCid, clearLost, listLost } from './cid-pool.ts';
export type { EnclaveConsole } from './console.ts';
export { ConsoleRing, MAX_CONSOLE_BYTES } from './console.ts';
export type { EnclaveEnd } from './end.ts';
export { describeEnd, readEnd } from './end.ts';
export type { BackendErrorCode } from './error-code.ts';
export { BACKEND_ERROR_CODES } from './error-code.ts';
export type { Heartbeat } from './heartbeat.ts';
export { awaitHeartbeat } from './heartbeat.ts';
export { requireMeasurements } from './measurements.ts';
export { unavailable } from './missing.ts';
export { fabricOfCid, findRemains, pathOfCid, removeRemains } from './remains.ts';
export type { RunFolder } from './run-folder.ts';
export { findEmptyRunFolder, openRunFolder, removeRunFolder } from './run-folder.ts';
export { checkSpec, checkSpecForm } from './spec.ts';
export { STANDARD_GRACE_MS } from './stop-grace.ts';
export { Undo, withUndo } from './undo.ts';

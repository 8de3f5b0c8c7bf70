// The supervisor's NSM: owned by it, shared by rule.
export type { NsmCaller, NsmRefusal, NsmRefusalKind, PeerCredentials } from './caller.ts';
export type { FindCallerOptions } from './find-caller.ts';
export { createCallerFinder } from './find-caller.ts';
export type { NsmRate, NsmRateOptions } from './rate.ts';
export { createNsmRate } from './rate.ts';
export type { SupervisorNsmErrorCode, SupervisorNsmOptions } from './serve.ts';
export { openOwnNsm, SUPERVISOR_NSM_ERROR_CODES, serveSupervisorNsm } from './serve.ts';
export type { DocumentServerOptions } from './serve-documents.ts';
export { serveDocuments } from './serve-documents.ts';

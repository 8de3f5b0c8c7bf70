// Waiting until an enclave is ready, and keeping what it said before it went.
export type { HostReadyErrorCode } from './error-code.ts';
export { HOST_READY_ERROR_CODES } from './error-code.ts';
export type { LastWords } from './last-words-file.ts';
export { collectLastWords, readLastWords, writeLastWords } from './last-words-file.ts';
export type { ReadyReport, SeenLineReport } from './report.ts';
export { adviseOn, bootIdOf, describeOutcome, lastPhase, lastReasons, NotReadyError } from './report.ts';
export type { WaitOptions } from './wait-until-ready.ts';
export { waitUntilReady } from './wait-until-ready.ts';

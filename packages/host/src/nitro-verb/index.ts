// nitro-cli's verbs, its names and its JSON, over the engine.
export { describeEnclaves } from './describe.ts';
export { NITRO_NAME_LABEL } from './enclave-name.ts';
export type { NitroVerbErrorCode } from './error-code.ts';
export { NITRO_VERB_ERROR_CODES } from './error-code.ts';
export type { EnclaveQuery, NitroVerbWorld } from './list.ts';
export { findListed, listEnclaves } from './list.ts';
export { asNitroFailure, nitroCodeOf } from './nitro-code-of.ts';
export type { ListedEnclave, NitroEnclave, NitroStarted } from './nitro-enclave.ts';
export { idOfRecord } from './nitro-enclave.ts';
export { NitroVerbError } from './nitro-verb-error.ts';
export type { RunEnclaveWords } from './run.ts';
export { runEnclave } from './run.ts';
export type { Terminated } from './terminate.ts';
export { terminateEnclaves } from './terminate.ts';

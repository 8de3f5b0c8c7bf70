// Enclaves on hardware, through nitro-cli.
export type { NitroCliErrorCode } from './error-code.ts';
export { NITRO_CLI_ERROR_CODES } from './error-code.ts';
export type { NitroBackendOptions } from './nitro-backend.ts';
export { createNitroBackend } from './nitro-backend.ts';
export type { NitroTimes } from './nitro-driver.ts';
export { NITRO_DEBUG_WARNING } from './nitro-enclave.ts';
export type { DescribedEnclave } from './output.ts';
export type { ParentEnclaves } from './parent-enclaves.ts';
export { openParentEnclaves } from './parent-enclaves.ts';
export type { ParentMachine } from './parent-machine.ts';
export { parseCpuList } from './parent-machine.ts';

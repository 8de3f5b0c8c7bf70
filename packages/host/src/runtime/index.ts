// The runtime archive and the ledger of what may enter an image.
export { ARCHITECTURES, type Architecture, parseArchitecture, readArchitecture } from './architecture.ts';
export { digestFile, type FileDigest } from './digest-file.ts';
export { RUNTIME_ERROR_CODES, type RuntimeErrorCode } from './error-code.ts';
export { linkRuntime, runtimeArgv } from './link-runtime.ts';
export { type OpenedRuntime, openRuntime, RUNTIME_FOLDER } from './open-runtime.ts';
export { openToolchain, type Toolchain, type ToolchainOptions, type ToolchainPart } from './toolchain.ts';

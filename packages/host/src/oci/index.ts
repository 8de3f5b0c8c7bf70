// Container images as trees: OCI layouts, docker archives, registries.
export { type CommandRule, commandOf } from './command.ts';
export type { Environment } from './credential.ts';
export { OCI_ERROR_CODES, type OciErrorCode } from './error-code.ts';
export { isOciSource, type OciOptions, openOciSource } from './open.ts';
export type { Architecture } from './platform.ts';

// The stages of rbuilds: its options, its commands, and what they do.
export type { EnclaveStep, ParsedLine, RbuildsAction, RbuildsCommand } from './command.ts';
export { parseRbuildsLine, RBUILDS_COMMANDS } from './command.ts';
export type { RbuildsErrorCode } from './error-code.ts';
export { RBUILDS_ERROR_CODES } from './error-code.ts';
export type { FoundDockerfile } from './open-dockerfile.ts';
export { findDockerfile, openDockerfile } from './open-dockerfile.ts';
export type { RbuildsOption, RbuildsOrder } from './option.ts';
export { parseRbuildsWords, RBUILDS_OPTIONS } from './option.ts';
export type { RbuildsSession } from './session.ts';
export { createRbuildsSession } from './session.ts';
export type { RbuildsSettings } from './settings.ts';
export { DEFAULT_RBUILDS_SETTINGS } from './settings.ts';
export { RBUILDS_STAGES } from './stage.ts';
export type { RbuildsEnclaves, RbuildsWorld, Stage, StageName, Stages } from './world.ts';

// caisson.yaml.
export type { BuildFlags, ReadBuild } from './build-settings.ts';
export { readBuildSettings } from './build-settings.ts';
export type { ComposeErrorCode } from './error-code.ts';
export { COMPOSE_ERROR_CODES } from './error-code.ts';
export type { Variables } from './interpolate.ts';
export { createComposeJsonSchema } from './json-schema.ts';
export type { Compose, ParseComposeOptions } from './parse-compose.ts';
export { ComposeFaultError, parseCompose } from './parse-compose.ts';
export { hashKey, readPublicKey } from './public-key.ts';
export { chooseEnclave, readCompose } from './read-compose.ts';
export type { EnclaveSpec } from './schema.ts';
export { composeSchema } from './schema.ts';

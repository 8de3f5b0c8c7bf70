// Configs as data: strict JSON, argonaut's schema v0.1, an image's own schema, signed configs, Go's text forms for durations and booleans.
export type {
  ArgonautConfig,
  ArgonautConfigOptions,
  ConfigMode,
} from './argonaut-config.ts';
export { checkArgonautConfig, MAX_CONFIG_BYTES, parseArgonautConfig } from './argonaut-config.ts';
export type { ConfigContent, ConfigContentTerms, ContentFault, ContentRule } from './config-content.ts';
export { readConfigContent } from './config-content.ts';
export { formatDuration, parseDuration, parseGoBool } from './duration.ts';
export type { ArgonautEndpoint, ConfigFault } from './endpoint.ts';
export { readEndpoints } from './endpoint.ts';
export { classifyHost, findHostFault } from './endpoint-host.ts';
export type { ConfigErrorCode } from './error-code.ts';
export { CONFIG_ERROR_CODES } from './error-code.ts';
export { isForbiddenVariable, isVariableName } from './forbidden-variable.ts';
export type { JsonArray, JsonObject, JsonValue } from './json-value.ts';
export { describeJson, isJsonArray, isJsonObject, JsonNumber, memberPath } from './json-value.ts';
export type { BoundKeyword, JsonType, RuleTable, SchemaRule } from './schema/index.ts';
export {
  checkAgainst,
  checkAgainstSchemaText,
  compileSchema,
  MAX_SCHEMA_BYTES,
  parseRuleTable,
  parseSchema,
} from './schema/index.ts';
export type { ConfigTarget, SignedConfigContent, UnverifiedSignedConfig } from './signed-config.ts';
export { isSignedConfig, NO_CONFIG, parseSignedConfig, signConfig, verifySignedConfig } from './signed-config.ts';
export type { StrictJsonLimits } from './strict-json.ts';
export { parseStrictJson } from './strict-json.ts';

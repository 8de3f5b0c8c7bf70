// The schema of a boot config: compiled where images are built, interpreted where they run.
export { checkAgainst, checkAgainstSchemaText } from './check.ts';
export { compileSchema, parseSchema } from './compile.ts';
export { parseRuleTable } from './parse-table.ts';
export type { BoundKeyword, JsonType, RuleTable, SchemaRule } from './rule-table.ts';
export { MAX_SCHEMA_BYTES } from './rule-table.ts';

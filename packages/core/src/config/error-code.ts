// Every way in which a config or a knob can be refused. Faults of the content are listed, not thrown: argonaut-config.ts.

export const CONFIG_ERROR_CODES = [
  'CONFIG_TOO_LARGE',
  'CONFIG_UTF8',
  'CONFIG_SYNTAX',
  'CONFIG_DUPLICATE_KEY',
  'CONFIG_DEPTH',
  'CONFIG_FAULT',
  'CONFIG_DURATION',
  'CONFIG_BOOLEAN',
  'CONFIG_SCHEMA',
  'CONFIG_SCHEMA_LIMIT',
  'CONFIG_TABLE',
  'CONFIG_SIGNED_FORM',
  'CONFIG_SIGNED_FIELD',
  'CONFIG_SIGNATURE',
] as const;
export type ConfigErrorCode = (typeof CONFIG_ERROR_CODES)[number];

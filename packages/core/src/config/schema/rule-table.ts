// The rule table: what is left of an image's config schema when the builder has compiled it. It is JSON, it is measured, and the
// interpreter beside it is all that an enclave needs to judge a config.

export const JSON_TYPES = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'] as const;
export type JsonType = (typeof JSON_TYPES)[number];

export const BOUND_KEYWORDS = [
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
] as const;
export type BoundKeyword = (typeof BOUND_KEYWORDS)[number];

/** One schema. Others are named by their index in the table, always a greater one: no rule leads back to itself. */
export interface SchemaRule extends Readonly<Partial<Record<BoundKeyword, number>>> {
  readonly types?: readonly JsonType[];
  /** JSON texts, so that a member named `__proto__` stays a member. */
  readonly enum?: readonly string[];
  readonly const?: string;
  /** Pairs of name and rule, for the same reason. */
  readonly properties?: readonly (readonly [name: string, rule: number])[];
  readonly required?: readonly string[];
  /** Members that `properties` does not name are faults. */
  readonly closed?: true;
  readonly items?: number;
  readonly pattern?: string;
}

export interface RuleTable {
  readonly v: 1;
  /** The first is that of the whole config. */
  readonly rules: readonly SchemaRule[];
}

// Chosen: a schema is written by hand, and the table is in every image that has one.
export const MAX_SCHEMA_BYTES = 262_144;
export const maxSchemaDepth = 32;
export const maxRules = 4_096;

// The form of a policy file as JSON Schema (2020-12), the one description of it: the checker runs it, docs/schema/policy.json is it, and
// editors complete from it. Only the keywords of `Schema` are used; whatever they cannot say is in policy.ts.

export interface Schema {
  readonly $schema?: string;
  readonly $id?: string;
  readonly title?: string;
  /** What a value must be, in the words of a message: `<path> must be <description>`. */
  readonly description?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: false;
  readonly anyOf?: readonly Schema[];
}

// Given: attestation documents hash with SHA-384 and have PCR0 to PCR31; no leaf lives longer than 10,803 s.
const pcrValue: Schema = {
  description: '48 bytes in hex (96 digits)',
  type: 'string',
  pattern: '^[0-9a-fA-F]{96}$',
};
const version = (description: string): Schema => ({
  description,
  type: 'integer',
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
});

export const POLICY_SCHEMA: Schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'caisson/policy/1',
  title: 'What an enclave must be (policy.yaml)',
  description: 'a map',
  type: 'object',
  additionalProperties: false,
  required: ['pcrs'],
  properties: {
    v: { description: '1', const: 1 },
    backend: { description: 'nitro, sim or qemu', enum: ['nitro', 'sim', 'qemu'] },
    pcrs: {
      description: 'a map from PCR 0..31 to its value or values',
      type: 'object',
      additionalProperties: false,
      patternProperties: {
        '^(?:[0-9]|[12][0-9]|3[01])$': {
          description: '96 hex digits, or a list of 1 to 16 such values of which one must hold',
          anyOf: [pcrValue, { type: 'array', minItems: 1, maxItems: 16, items: pcrValue }],
        },
      },
    },
    image: {
      description: 'a map',
      type: 'object',
      additionalProperties: false,
      required: ['minimumVersion'],
      properties: { minimumVersion: version('an integer >= 1, the least image version') },
    },
    config: {
      description: 'a map',
      type: 'object',
      additionalProperties: false,
      properties: { minimumVersion: version('an integer >= 1, the least config version') },
    },
    maxAgeSeconds: { description: 'an integer in 1..10800', type: 'integer', minimum: 1, maximum: 10_800 },
    allowDevelopment: { description: 'true or false', type: 'boolean' },
    roots: {
      description: 'a list of 1 to 8 certificates in PEM',
      type: 'array',
      minItems: 1,
      maxItems: 8,
      items: { description: 'PEM text of one certificate', type: 'string', maxLength: 4096 },
    },
  },
};

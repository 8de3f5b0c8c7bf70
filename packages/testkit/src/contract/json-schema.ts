// Holds a JSON document to a file of docs/schema. Knows the words of JSON Schema that those files use and refuses others, so that no word
// stands in a schema without being checked.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

interface Schema {
  readonly [word: string]: unknown;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: false | Schema;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
}

const words = '$schema $id title type const enum pattern minimum required properties additionalProperties items oneOf';

/** `name` is the file's without `.json`. Throws AssertionError with the path of the first thing that does not fit. */
export function assertFitsSchema(document: unknown, name: string): void {
  const file = new URL(`../../../../docs/schema/${name}.json`, import.meta.url);
  check(document, JSON.parse(readFileSync(file, 'utf8')) as Schema, name);
}

function check(value: unknown, schema: Schema, path: string): void {
  for (const word of Object.keys(schema)) {
    assert.ok(words.split(' ').includes(word), `${path}: this checker does not know ${word}`);
  }
  const { type, pattern, minimum, required = [], properties = {}, additionalProperties = {}, items, oneOf } = schema;
  const actual = typeOf(value);
  // JSON Schema, section 6.1.1 of the validation part: an integer is a number too.
  if (type !== undefined) assert.equal(type === 'number' && actual === 'integer' ? type : actual, type, path);
  if ('const' in schema) assert.equal(value, schema.const, path);
  if (schema.enum !== undefined) assert.ok(schema.enum.includes(value), `${path}: ${String(value)} stands in no list`);
  if (pattern !== undefined) assert.match(value as string, new RegExp(pattern, 'u'), path);
  if (minimum !== undefined) assert.ok((value as number) >= minimum, path);
  if (items !== undefined) for (const item of value as unknown[]) check(item, items, `${path}[]`);
  if (oneOf !== undefined) {
    assert.equal(oneOf.filter((one) => fits(value, one)).length, 1, `${path}: one of ${oneOf.length}`);
  }
  if (actual !== 'object') return;
  for (const key of required) assert.ok(Object.hasOwn(value as object, key), `${path}.${key} must be there`);
  for (const [key, member] of Object.entries(value as object)) {
    const rule = properties[key] ?? additionalProperties;
    assert.ok(rule !== false, `${path}.${key} stands in no schema`);
    check(member, rule, `${path}.${key}`);
  }
}

function fits(value: unknown, schema: Schema): boolean {
  try {
    check(value, schema, '');
    return true;
  } catch {
    return false;
  }
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

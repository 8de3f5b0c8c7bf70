// A config's JSON Schema to the rule table that goes into the image. Takes a subset that one short interpreter can hold to; a
// keyword outside of it fails the build with its path, because a rule that nobody checks is a hole that looks like a wall.
import { CaissonError, LimitError, ParseError } from '../../errors/index.ts';
import type { ConfigErrorCode } from '../error-code.ts';
import { describeJson, isJsonArray, isJsonObject, JsonNumber, type JsonValue, memberPath } from '../json-value.ts';
import { compilePattern } from '../pattern/match.ts';
import { parseStrictJson } from '../strict-json.ts';
import {
  BOUND_KEYWORDS,
  type BoundKeyword,
  JSON_TYPES,
  type JsonType,
  MAX_SCHEMA_BYTES,
  maxRules,
  maxSchemaDepth,
  type RuleTable,
  type SchemaRule,
} from './rule-table.ts';
import { formatJson, toJsonValue } from './value.ts';

/** `-readonly`: a rule while it is being made. */
type Draft = { -readonly [Key in keyof SchemaRule]: SchemaRule[Key] };

/**
 * `schema` as JSON.parse or a YAML reader gives it. Throws ParseError CONFIG_SCHEMA with the JSON path of the first fault, LimitError
 * CONFIG_SCHEMA_LIMIT, TypeError for a value that JSON has no form for.
 */
export function compileSchema(schema: unknown): RuleTable {
  return new SchemaCompiler().compile(toJsonValue(schema));
}

/** The same from a file's bytes, where a keyword given twice is a fault too. Throws errors of the strict reader besides. */
export function parseSchema(bytes: Uint8Array): RuleTable {
  return new SchemaCompiler().compile(parseStrictJson(bytes, { maxBytes: MAX_SCHEMA_BYTES }));
}

class SchemaCompiler {
  readonly #rules: Draft[] = [];

  compile(schema: JsonValue): RuleTable {
    this.#add(schema, '', 0);
    return { v: 1, rules: this.#rules };
  }

  #add(schema: JsonValue, path: string, depth: number): number {
    if (depth > maxSchemaDepth) throw limit(path, `must nest at most ${maxSchemaDepth} deep, got more`);
    if (this.#rules.length >= maxRules) throw limit(path, `must come to at most ${maxRules} rules, got more`);
    if (!isJsonObject(schema)) throw fault(path, `must be an object, got ${describeJson(schema)}`);
    const index = this.#rules.length;
    const rule: Draft = {};
    this.#rules.push(rule);
    for (const [keyword, value] of schema) this.#take(rule, keyword, value, memberPath(path, keyword), depth);
    // Closed and nothing named would refuse every member: a slip more often than a meaning.
    if (rule.closed === true && rule.properties === undefined) {
      throw fault(memberPath(path, 'additionalProperties'), 'must stand beside properties, got none');
    }
    return index;
  }

  #take(rule: Draft, keyword: string, value: JsonValue, path: string, depth: number): void {
    if (isBound(keyword)) {
      rule[keyword] = readBound(keyword, value, path);
      return;
    }
    switch (keyword) {
      case 'type':
        rule.types = readTypes(value, path);
        return;
      case 'properties':
        rule.properties = this.#readProperties(value, path, depth);
        return;
      case 'required':
        rule.required = readNames(value, path);
        return;
      case 'additionalProperties':
        if (value !== false) throw fault(path, `must be false, got ${describeJson(value)}`);
        rule.closed = true;
        return;
      case 'enum':
        if (!isJsonArray(value) || value.length === 0)
          throw fault(path, `must be a filled array, got ${describeJson(value)}`);
        rule.enum = value.map(formatJson);
        return;
      case 'const':
        rule.const = formatJson(value);
        return;
      case 'items':
        rule.items = this.#add(value, path, depth + 1);
        return;
      case 'pattern':
        rule.pattern = readPattern(value, path);
        return;
      default:
        throw fault(path, `must be one of ${known.join(', ')}, got another keyword`);
    }
  }

  #readProperties(value: JsonValue, path: string, depth: number): readonly (readonly [string, number])[] {
    if (!isJsonObject(value)) throw fault(path, `must be an object, got ${describeJson(value)}`);
    return [...value].map(([name, schema]) => [name, this.#add(schema, memberPath(path, name), depth + 1)]);
  }
}

const known = [
  'type',
  'properties',
  'required',
  'additionalProperties',
  'enum',
  'const',
  'items',
  'pattern',
  ...BOUND_KEYWORDS,
];

function isBound(keyword: string): keyword is BoundKeyword {
  return (BOUND_KEYWORDS as readonly string[]).includes(keyword);
}

function readBound(keyword: BoundKeyword, value: JsonValue, path: string): number {
  const isCount = keyword !== 'minimum' && keyword !== 'maximum';
  const bound = value instanceof JsonNumber ? (isCount ? value.unsigned : Number(value.literal)) : undefined;
  if (bound !== undefined && Number.isFinite(bound)) return bound;
  throw fault(path, `must be ${isCount ? 'an integer of 0 or more' : 'a number'}, got ${describeJson(value)}`);
}

function readTypes(value: JsonValue, path: string): readonly JsonType[] {
  const names = isJsonArray(value) ? value : [value];
  const types = JSON_TYPES.filter((type) => names.includes(type));
  if (types.length === names.length && types.length > 0) return types;
  throw fault(
    path,
    `must be one of ${JSON_TYPES.join(', ')} or an array of them, each once, got ${describeJson(value)}`,
  );
}

function readNames(value: JsonValue, path: string): readonly string[] {
  const names = isJsonArray(value) ? value.filter((name) => typeof name === 'string') : [];
  if (isJsonArray(value) && new Set(names).size === value.length) return names;
  throw fault(path, `must be an array of names, each once, got ${describeJson(value)}`);
}

function readPattern(value: JsonValue, path: string): string {
  if (typeof value !== 'string') throw fault(path, `must be text, got ${describeJson(value)}`);
  try {
    compilePattern(value);
  } catch (cause) {
    if (!(cause instanceof CaissonError)) throw cause;
    throw fault(path, `must be a pattern that can be matched in linear time: ${cause.message}`, cause);
  }
  return value;
}

function fault(path: string, rule: string, cause?: unknown): ParseError<ConfigErrorCode> {
  const message = `config schema${path === '' ? '' : ` ${path}`} ${rule}`;
  return new ParseError('CONFIG_SCHEMA', message, cause === undefined ? {} : { cause });
}

function limit(path: string, rule: string): LimitError<ConfigErrorCode> {
  return new LimitError('CONFIG_SCHEMA_LIMIT', `config schema${path === '' ? '' : ` ${path}`} ${rule}`);
}

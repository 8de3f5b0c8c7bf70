// JSON values as schemas see them: which type, whether equal, as text again. Numbers are judged by the double they denote, as every reader of
// JSON in an application makes it; an integer is one that is written as such, because 1.0 and 1e2 are none to a typed reader.
import { isJsonArray, isJsonObject, JsonNumber, type JsonValue } from '../json-value.ts';
import type { JsonType } from './rule-table.ts';

export function typeOfJson(value: JsonValue): JsonType {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'string') return 'string';
  if (isJsonArray(value)) return 'array';
  if (isJsonObject(value)) return 'object';
  return /^-?[0-9]+$/.test(value.literal) && Number.isSafeInteger(Number(value.literal)) ? 'integer' : 'number';
}

export function isEqualJson(left: JsonValue, right: JsonValue): boolean {
  if (left instanceof JsonNumber && right instanceof JsonNumber) return Number(left.literal) === Number(right.literal);
  if (isJsonArray(left) && isJsonArray(right)) {
    return left.length === right.length && left.every((item, index) => isEqualJson(item, right[index]!));
  }
  if (isJsonObject(left) && isJsonObject(right)) {
    return left.size === right.size && [...left].every(([key, member]) => isMember(right, key, member));
  }
  return left === right;
}

function isMember(object: ReadonlyMap<string, JsonValue>, key: string, member: JsonValue): boolean {
  const other = object.get(key);
  return other !== undefined && isEqualJson(member, other);
}

/** JSON text, members in their order. */
export function formatJson(value: JsonValue): string {
  if (value instanceof JsonNumber) return value.literal;
  if (isJsonArray(value)) return `[${value.map(formatJson).join(',')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = [...value].map(([key, member]) => `${JSON.stringify(key)}:${formatJson(member)}`);
  return `{${members.join(',')}}`;
}

// Chosen: deeper than any document that a reader of this house accepts.
const maxPlainDepth = 128;

/** What JSON.parse or a YAML reader made, as the strict reader would have. Throws TypeError for what JSON has no form for. */
export function toJsonValue(plain: unknown, depth = 0): JsonValue {
  if (depth > maxPlainDepth) throw new TypeError(`JSON values nest at most ${maxPlainDepth} deep, or this is a cycle`);
  if (plain === null || typeof plain === 'boolean' || typeof plain === 'string') return plain;
  if (typeof plain === 'number' && Number.isFinite(plain)) return new JsonNumber(JSON.stringify(plain));
  if (Array.isArray(plain)) return plain.map((item: unknown) => toJsonValue(item, depth + 1));
  if (typeof plain === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(plain) as object | null)) {
    return new Map(Object.entries(plain as object).map(([key, member]) => [key, toJsonValue(member, depth + 1)]));
  }
  throw new TypeError(`JSON has no form for ${typeof plain === 'object' ? 'this object' : String(plain)}`);
}

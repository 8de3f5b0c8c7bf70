// What the strict reader makes of JSON. Objects are Maps, so that `__proto__` is a key like any other, and a number keeps
// its letters, so that 1, 1.0, 1e0 and -0 can be told apart by whoever must.

export type JsonValue = null | boolean | string | JsonNumber | JsonArray | JsonObject;
export type JsonArray = readonly JsonValue[];
export type JsonObject = ReadonlyMap<string, JsonValue>;

/** A number exactly as it was written. */
export class JsonNumber {
  readonly literal: string;

  constructor(literal: string) {
    this.literal = literal;
  }

  /** The value of a plain unsigned integer literal; undefined for a sign, fraction, exponent or what passes 2^53 - 1. */
  get unsigned(): number | undefined {
    if (!/^[0-9]+$/.test(this.literal)) return undefined;
    const value = Number(this.literal);
    return Number.isSafeInteger(value) ? value : undefined;
  }
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map;
}

export function isJsonArray(value: JsonValue | undefined): value is JsonArray {
  return Array.isArray(value);
}

/** A value for a message: its JSON when short, its kind when not; never more than about 60 characters. */
export function describeJson(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value instanceof JsonNumber) return clip(value.literal);
  if (isJsonArray(value)) return `an array of ${value.length}`;
  if (isJsonObject(value)) return `an object of ${value.size} keys`;
  return typeof value === 'string' ? clip(JSON.stringify(value)) : String(value);
}

/** The path of a member as messages show it: `endpoints`, `a.b`, `a["odd key"]`. */
export function memberPath(parent: string, key: string): string {
  if (/^[A-Za-z_$][A-Za-z0-9_$]*$/.test(key)) return parent === '' ? key : `${parent}.${key}`;
  return `${parent}[${clip(JSON.stringify(key))}]`;
}

function clip(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

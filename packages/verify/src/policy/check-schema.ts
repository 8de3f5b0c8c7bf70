// Holds a value to a schema of schema.ts and says of each fault where and why. Values come from JSON or YAML readers: plain objects,
// arrays and scalars; only own keys count, so nothing inherited can pass for a field.
import type { Schema } from './schema.ts';

export interface PolicyFault {
  /** Keys from the top: `['pcrs', '0']`. */
  readonly path: readonly string[];
  /** `pcrs.0 must be 48 bytes in hex (96 digits), got 95 characters`. */
  readonly message: string;
}

// Chosen: a file that is wrong everywhere needs no longer list.
const maxFaults = 20;

/** Every fault up to 20, in the order of the file. */
export function findSchemaFaults(value: unknown, schema: Schema): PolicyFault[] {
  const faults: PolicyFault[] = [];
  visit(value, schema, [], faults);
  return faults.slice(0, maxFaults);
}

export function faultAt(path: readonly string[], problem: string): PolicyFault {
  return { path, message: `${path.length === 0 ? 'policy' : path.join('.')} ${problem}` };
}

function visit(value: unknown, schema: Schema, path: readonly string[], faults: PolicyFault[]): void {
  const { anyOf, description } = schema;
  if (anyOf !== undefined) {
    visitAny(value, anyOf, schema, path, faults);
  } else if (!isOfForm(value, schema)) {
    faults.push(faultAt(path, `must be ${description ?? schema.type}, got ${kindOf(value)}`));
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) visit(item, schema.items ?? {}, [...path, String(index)], faults);
  } else if (isObject(value)) {
    visitMembers(value, schema, path, faults);
  }
}

// The form whose type fits says what is wrong inside; if none fits, the description of all does.
function visitAny(
  value: unknown,
  forms: readonly Schema[],
  { description }: Schema,
  path: readonly string[],
  faults: PolicyFault[],
): void {
  const form = forms.find(({ type }) => type === typeOf(value));
  if (form === undefined) faults.push(faultAt(path, `must be ${description}, got ${kindOf(value)}`));
  // A form that says nothing of itself is one of those that the whole describes.
  else visit(value, { ...(description !== undefined && { description }), ...form }, path, faults);
}

function visitMembers(value: object, schema: Schema, path: readonly string[], faults: PolicyFault[]): void {
  const { properties = {}, patternProperties = {}, required = [] } = schema;
  for (const key of required) {
    if (!Object.hasOwn(value, key)) faults.push(faultAt([...path, key], 'must be there, got nothing'));
  }
  for (const [key, member] of Object.entries(value)) {
    const pattern = Object.keys(patternProperties).find((one) => new RegExp(one, 'u').test(key));
    const rule = Object.hasOwn(properties, key)
      ? properties[key]
      : pattern === undefined
        ? undefined
        : patternProperties[pattern];
    if (rule !== undefined) visit(member, rule, [...path, key], faults);
    else faults.push(faultAt([...path, key.slice(0, 40)], 'is no field of a policy here'));
  }
}

function isOfForm(value: unknown, schema: Schema): boolean {
  const { type, pattern, minimum, maximum, maxLength, minItems, maxItems } = schema;
  if ('const' in schema) return value === schema.const;
  if (schema.enum !== undefined) return schema.enum.includes(value as string);
  if (type !== undefined && typeOf(value) !== type) return false;
  if (typeof value === 'string') {
    return value.length <= (maxLength ?? Infinity) && (pattern === undefined || new RegExp(pattern, 'u').test(value));
  }
  if (typeof value === 'number') return value >= (minimum ?? -Infinity) && value <= (maximum ?? Infinity);
  if (Array.isArray(value)) return value.length >= (minItems ?? 0) && value.length <= (maxItems ?? Infinity);
  return true;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (Number.isSafeInteger(value)) return 'integer';
  return isObject(value) ? 'object' : typeof value;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'string') return value.length <= 40 ? JSON.stringify(value) : `${value.length} characters`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' ? 'a map' : String(value);
}

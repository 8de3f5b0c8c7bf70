// Named fields of the CBOR maps that both directions of the NSM protocol are made of.
// Each reader returns undefined for a value of another kind, so that the caller's error can name operation and field.
import type { CborKey, CborValue } from '../cbor/index.ts';

export type CborMap = ReadonlyMap<CborKey, CborValue>;

/** serde's externally tagged form: a map of one entry, from the variant's name to its fields in their order. */
export function tagged(name: string, fields: readonly (readonly [string, CborValue])[]): CborValue {
  return new Map<CborKey, CborValue>([[name, new Map<CborKey, CborValue>(fields)]]);
}

export function asMap(value: CborValue | undefined): CborMap | undefined {
  return value instanceof Map ? value : undefined;
}

export function asBytes(value: CborValue | undefined): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined;
}

/** serde's u16, as every number of the NSM is. */
export function asU16(value: CborValue | undefined): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= 0xffff ? value : undefined;
}

export function asU16List(value: CborValue | undefined): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const numbers = value.map(asU16).filter((one) => one !== undefined);
  return numbers.length === value.length ? numbers : undefined;
}

/** What stands there, for messages: never its content, which may be a secret. */
export function kindOf(value: CborValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'bigint') return `the integer ${value}`;
  if (typeof value === 'string') return `text of ${value.length} characters`;
  if (typeof value === 'boolean') return `${value}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return value instanceof Map ? `a map of ${value.size}` : 'a tag';
}

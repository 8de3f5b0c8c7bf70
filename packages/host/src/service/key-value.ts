// The types and bounds that keys of service files have. A reader gives the value or throws KeyFault, whose place the caller knows.
import { isServiceName, MAX_SIGNAL, SERVICE_NAME_RULE, signalNumber } from '@caisson/core/measured';
import type { TomlValue } from 'smol-toml';

/** What a value must be, and what it was. */
export class KeyFault extends Error {
  readonly hint: string | undefined;

  constructor(rule: string, got: TomlValue, hint?: string) {
    super(`must be ${rule}, got ${describe(got)}`);
    this.hint = hint;
  }
}

export function readText(value: TomlValue, rule: string, maxCharacters: number, form?: RegExp): string {
  if (typeof value !== 'string' || value.includes('\0') || form?.test(value) === false) throw new KeyFault(rule, value);
  if (value.length > maxCharacters) throw new KeyFault(`${rule} of at most ${maxCharacters} characters`, value);
  return value;
}

export function readInteger(value: TomlValue, least: number, most: number): number {
  if (typeof value === 'bigint' && value >= least && value <= most) return Number(value);
  throw new KeyFault(`an integer in ${least}..${most}`, value);
}

/** Seconds, whole or not, as whole milliseconds. */
export function readSeconds(value: TomlValue, leastMs: number, mostMs: number): number {
  const seconds = typeof value === 'bigint' || typeof value === 'number' ? Number(value) : Number.NaN;
  const milliseconds = Math.round(seconds * 1_000);
  if (milliseconds >= leastMs && milliseconds <= mostMs) return milliseconds;
  throw new KeyFault(`seconds in ${leastMs / 1_000}..${mostMs / 1_000}`, value);
}

export function readBoolean(value: TomlValue): boolean {
  if (typeof value === 'boolean') return value;
  throw new KeyFault('true or false, without quotes', value);
}

export function readChoice<Word extends string>(value: TomlValue, words: readonly Word[]): Word {
  const found = words.find((word) => word === value);
  if (found === undefined) throw new KeyFault(`one of ${words.join(', ')}`, value);
  return found;
}

export function readList<Item>(
  value: TomlValue,
  maxItems: number,
  rule: string,
  read: (item: TomlValue) => Item,
): Item[] {
  if (!Array.isArray(value)) throw new KeyFault(rule, value);
  if (value.length > maxItems) throw new KeyFault(`${rule}, at most ${maxItems}`, value);
  return value.map(read);
}

/** Names with or without `.service`, as a list or separated by blanks in one text; each once. */
export function readNames(value: TomlValue, maxItems: number): string[] {
  const list = typeof value === 'string' ? value.split(/[ \t]+/).filter((word) => word !== '') : value;
  const names = readList(list, maxItems, 'a list of service names', (item) => {
    const name = typeof item === 'string' ? item.replace(/\.service$/, '') : '';
    if (!isServiceName(name)) throw new KeyFault(`names of services (${SERVICE_NAME_RULE})`, item);
    return name;
  });
  return [...new Set(names)];
}

export function readSignal(value: TomlValue): number {
  const number = typeof value === 'string' || typeof value === 'bigint' ? signalNumber(String(value)) : undefined;
  if (number === undefined) throw new KeyFault(`a signal by name or a number in 1..${MAX_SIGNAL}`, value);
  return number;
}

/** Octal digits in quotes: a bare 22 could be meant as either base. */
export function readUmask(value: TomlValue): number {
  if (typeof value === 'string' && /^0?[0-7]{3}$/.test(value)) return Number.parseInt(value, 8);
  throw new KeyFault('three octal digits in quotes, as "022"', value);
}

function describe(value: TomlValue): string {
  if (typeof value === 'string') return clip(JSON.stringify(value));
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' ? 'a table or a date' : clip(String(value));
}

function clip(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

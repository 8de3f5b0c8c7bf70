// A closed object of a measured file: each member is taken once by its type and bound, and `end` refuses what is left. The builder
// writes these files and a mistake of it must be loud; whoever can change one has changed the image, so nothing is tolerated.
import { describeJson, isJsonArray, isJsonObject, JsonNumber, type JsonValue, memberPath } from '../config/index.ts';
import { LimitError, ParseError } from '../errors/index.ts';
import type { MeasuredErrorCode } from './error-code.ts';

export class Shape {
  readonly #members: ReadonlyMap<string, JsonValue>;
  readonly #left: Set<string>;
  readonly path: string;

  /** Throws ParseError MEASURED_FORM for anything but an object, as every reader here does for what is not of its form. */
  constructor(value: JsonValue, path: string) {
    if (!isJsonObject(value)) throw measuredFault(path === '' ? 'file' : path, 'an object', value);
    this.#members = value;
    this.#left = new Set(value.keys());
    this.path = path;
  }

  take(key: string): JsonValue {
    const value = this.#members.get(key);
    if (value === undefined) throw measuredFault(this.at(key), 'there', value);
    this.#left.delete(key);
    return value;
  }

  has(key: string): boolean {
    return this.#members.has(key);
  }

  at(key: string): string {
    return memberPath(this.path, key);
  }

  /** At most `maxCharacters`, without NUL, of `form` where one is given. */
  text(key: string, maxCharacters: number, form?: RegExp): string {
    return textOf(this.take(key), this.at(key), maxCharacters, form);
  }

  integer(key: string, least: number, most: number): number {
    return integerOf(this.take(key), this.at(key), least, most);
  }

  boolean(key: string): boolean {
    const value = this.take(key);
    if (typeof value !== 'boolean') throw measuredFault(this.at(key), 'true or false', value);
    return value;
  }

  choice<Word extends string>(key: string, words: readonly Word[]): Word {
    const value = this.take(key);
    const found = words.find((word) => word === value);
    if (found === undefined) throw measuredFault(this.at(key), `one of ${words.join(', ')}`, value);
    return found;
  }

  constant(key: string, expected: number): void {
    if (integerOf(this.take(key), this.at(key), 0, Number.MAX_SAFE_INTEGER) === expected) return;
    throw measuredFault(this.at(key), String(expected), this.#members.get(key));
  }

  nullable<Value>(key: string, read: () => Value): Value | null {
    if (this.#members.get(key) !== null) return read();
    this.#left.delete(key);
    return null;
  }

  list<Item>(key: string, maxItems: number, read: (item: JsonValue, path: string) => Item): Item[] {
    const value = this.take(key);
    if (!isJsonArray(value)) throw measuredFault(this.at(key), 'an array', value);
    if (value.length > maxItems) throw measuredLimit(this.at(key), `at most ${maxItems} items`, value.length);
    return value.map((item, index) => read(item, `${this.at(key)}[${index}]`));
  }

  /** Names and values of an environment. */
  environment(key: string, maxItems: number): Record<string, string> {
    const value = this.take(key);
    if (!isJsonObject(value)) throw measuredFault(this.at(key), 'an object', value);
    if (value.size > maxItems) throw measuredLimit(this.at(key), `at most ${maxItems} members`, value.size);
    const entries = [...value].map(([name, text]) => {
      const path = memberPath(this.at(key), name);
      if (!environmentNameForm.test(name)) throw measuredFault(path, 'the name of a variable', name);
      return [name, textOf(text, path, maxEnvironmentCharacters)] as const;
    });
    return Object.fromEntries(entries);
  }

  end(): void {
    const [stranger] = this.#left;
    if (stranger !== undefined) throw measuredFault(this.at(stranger), 'absent', this.#members.get(stranger));
  }
}

/** As POSIX says, which no shell and no libc reads differently. `__proto__` would be no own property of a plain object. */
export const environmentNameForm = /^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** Chosen: PID 1 takes at most 8 KiB of words and variables for one process (docs/wire/pid1.md). */
const maxEnvironmentCharacters = 8_192;

export function textOf(value: JsonValue, path: string, maxCharacters: number, form?: RegExp): string {
  if (typeof value !== 'string' || value.includes('\0')) throw measuredFault(path, 'text without NUL', value);
  if (value.length > maxCharacters) throw measuredLimit(path, `at most ${maxCharacters} characters`, value.length);
  if (form !== undefined && !form.test(value)) throw measuredFault(path, `of the form ${form.source}`, value);
  return value;
}

export function integerOf(value: JsonValue, path: string, least: number, most: number): number {
  const literal =
    value instanceof JsonNumber && /^-?(?:0|[1-9][0-9]*)$/.test(value.literal) ? value.literal : undefined;
  const number = Number(literal ?? Number.NaN);
  // -0 has no second way to be written here.
  if (number >= least && number <= most && literal !== '-0') return number;
  throw measuredFault(path, `an integer in ${least}..${most}`, value);
}

export function measuredFault(path: string, rule: string, got: JsonValue | undefined): ParseError<MeasuredErrorCode> {
  return new ParseError('MEASURED_FORM', `measured ${path} must be ${rule}, got ${describeJson(got)}`);
}

function measuredLimit(path: string, rule: string, got: number): LimitError<MeasuredErrorCode> {
  return new LimitError('MEASURED_LIMIT', `measured ${path} must have ${rule}, got ${got}`);
}

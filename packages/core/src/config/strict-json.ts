// JSON (RFC 8259) as a boundary needs it: bounded in bytes and depth, fatal UTF-8, a key twice is an error at any level,
// nothing may follow the value. What it accepts JSON.parse accepts too; a fault names byte, line and column.
import { LimitError, ParseError } from '../errors/index.ts';
import type { ConfigErrorCode } from './error-code.ts';
import { JsonNumber, type JsonValue, memberPath } from './json-value.ts';

export interface StrictJsonLimits {
  /** Bytes of the whole text. */
  readonly maxBytes: number;
  /** Arrays and objects inside each other; a plain value has depth 0. Default 128. */
  readonly maxDepth?: number;
}

const defaultMaxDepth = 128;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Throws LimitError CONFIG_TOO_LARGE or CONFIG_DEPTH, ParseError CONFIG_UTF8, CONFIG_SYNTAX or CONFIG_DUPLICATE_KEY.
 */
export function parseStrictJson(bytes: Uint8Array, limits: StrictJsonLimits): JsonValue {
  if (bytes.length > limits.maxBytes) {
    throw new LimitError<ConfigErrorCode>(
      'CONFIG_TOO_LARGE',
      `JSON text must have at most ${limits.maxBytes} bytes, got ${bytes.length}`,
    );
  }
  const reader = new StrictJsonReader(decode(bytes), limits.maxDepth ?? defaultMaxDepth);
  return reader.readDocument();
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new ParseError<ConfigErrorCode>('CONFIG_UTF8', `JSON text of ${bytes.length} bytes is not valid UTF-8`, {
      cause,
    });
  }
}

// RFC 8259 section 6; sticky, so that it never looks past where the reader stands.
const numberForm = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// Section 7: no control character, no quote, no backslash.
const plainCharacters = /[^"\\\u0000-\u001f]+/y;
const blanks = /[ \t\n\r]*/y;
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class StrictJsonReader {
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  readDocument(): JsonValue {
    this.#skipBlanks();
    const value = this.#readValue('', 0);
    this.#skipBlanks();
    if (this.#at < this.#text.length) throw this.#syntax('must end after the first value');
    return value;
  }

  #readValue(path: string, depth: number): JsonValue {
    const character = this.#text[this.#at];
    if (character === '{') return this.#readObject(path, depth + 1);
    if (character === '[') return this.#readArray(path, depth + 1);
    if (character === '"') return this.#readString();
    const number = this.#match(numberForm);
    if (number !== '') return new JsonNumber(number);
    for (const [word, value] of [['null', null] as const, ['true', true] as const, ['false', false] as const]) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    throw this.#syntax('must have a value here');
  }

  #readObject(path: string, depth: number): JsonValue {
    this.#enter(path, depth);
    const members = new Map<string, JsonValue>();
    if (this.#skipTo('}')) return members;
    do {
      this.#skipBlanks();
      if (this.#text[this.#at] !== '"') throw this.#syntax('must have a key in double quotes here');
      const keyAt = this.#at;
      const key = this.#readString();
      const memberAt = memberPath(path, key);
      if (members.has(key)) {
        throw new ParseError<ConfigErrorCode>(
          'CONFIG_DUPLICATE_KEY',
          `JSON key ${memberAt} is given twice, again at ${this.#place(keyAt)}`,
        );
      }
      if (!this.#skipTo(':')) throw this.#syntax('must have a colon after the key here');
      this.#skipBlanks();
      members.set(key, this.#readValue(memberAt, depth));
    } while (this.#skipTo(','));
    if (!this.#skipTo('}')) throw this.#syntax('must have a comma or a closing brace here');
    return members;
  }

  #readArray(path: string, depth: number): JsonValue {
    this.#enter(path, depth);
    const items: JsonValue[] = [];
    if (this.#skipTo(']')) return items;
    do {
      this.#skipBlanks();
      items.push(this.#readValue(`${path}[${items.length}]`, depth));
    } while (this.#skipTo(','));
    if (!this.#skipTo(']')) throw this.#syntax('must have a comma or a closing bracket here');
    return items;
  }

  #readString(): string {
    this.#at += 1;
    let value = '';
    for (;;) {
      value += this.#match(plainCharacters);
      const character = this.#text[this.#at];
      if (character === '"') {
        this.#at += 1;
        return value;
      }
      if (character !== '\\') throw this.#syntax('must have a closed string without control characters here');
      value += this.#readEscape();
    }
  }

  #readEscape(): string {
    const letter = this.#text[this.#at + 1] ?? '';
    if (letter === 'u') {
      const digits = this.#text.slice(this.#at + 2, this.#at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#syntax('must have four hex digits after \\u here');
      this.#at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const character = escapes[letter];
    if (character === undefined) throw this.#syntax('must have a known escape here');
    this.#at += 2;
    return character;
  }

  #enter(path: string, depth: number): void {
    this.#at += 1;
    if (depth > this.#maxDepth) {
      throw new LimitError<ConfigErrorCode>(
        'CONFIG_DEPTH',
        `JSON text must nest at most ${this.#maxDepth} deep, got ${depth} at ${this.#place(this.#at - 1)}` +
          ` below ${path.slice(0, 60)}`,
      );
    }
  }

  #skipBlanks(): void {
    this.#match(blanks);
  }

  /** Skips blanks and then `character`; false, with the blanks skipped, when another stands there. */
  #skipTo(character: string): boolean {
    this.#skipBlanks();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(form: RegExp): string {
    form.lastIndex = this.#at;
    const found = form.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #syntax(rule: string): ParseError<ConfigErrorCode> {
    const code = this.#text.codePointAt(this.#at);
    const got = code === undefined ? 'the end' : JSON.stringify(String.fromCodePoint(code));
    return new ParseError('CONFIG_SYNTAX', `JSON text ${rule}, got ${got} at ${this.#place(this.#at)}`);
  }

  /** Byte from 0, line and column from 1, columns in characters as an editor shows them. */
  #place(at: number): string {
    const before = this.#text.slice(0, at);
    const lineStart = before.lastIndexOf('\n') + 1;
    const line = before.split('\n').length;
    const column = [...before.slice(lineStart)].length + 1;
    return `byte ${encoder.encode(before).length}, line ${line}, column ${column}`;
  }
}

// Bytes to a CBOR value, for bytes an adversary wrote. One value has one accepted form: minimal integers, definite
// lengths, each key once by value, valid UTF-8, nothing after the end. Anything else is an error with its byte offset.
import { utf8Text } from '../bytes/index.ts';
import { LimitError } from '../errors/index.ts';
import { definite, fault, type Head, Input } from './input.ts';
import type { CborErrorCode, CborKey, CborValue } from './value.ts';
import { CborTag, greatestDepth, info, major } from './value.ts';

export interface DecodeCborOptions {
  /**
   * True: accept bf..ff for the top-level map only, as Nitro hardware writes its payload. 'everywhere': for every map, where
   * the writer is trusted. Default false.
   */
  readonly allowIndefiniteMap?: boolean | 'everywhere';
  /** Tags to accept, for example [18] for a tagged COSE_Sign1. Default none. */
  readonly tags?: readonly number[];
  /** Arrays, maps and tags inside each other, 0..64. Default 8. */
  readonly maxDepth?: number;
  /** Input bytes. Default 1 MiB. */
  readonly maxBytes?: number;
  /** Items in all: one byte of input can cost an object of 40, so bytes alone do not bound memory. Default 10,000. */
  readonly maxItems?: number;
}

// Chosen.
const defaultMaxDepth = 8;
const defaultMaxBytes = 1_048_576;
const defaultMaxItems = 10_000;

/**
 * Exactly one item. Maps decode to `Map`, byte strings to copies of their own, integers to numbers within +-(2^53 - 1)
 * and to bigints beyond. Throws ParseError with a code of CBOR_ERROR_CODES, or LimitError CBOR_TOO_LARGE.
 */
export function decodeCbor(bytes: Uint8Array, options: DecodeCborOptions = {}): CborValue {
  const maxBytes = options.maxBytes ?? defaultMaxBytes;
  const maxDepth = options.maxDepth ?? defaultMaxDepth;
  if (!Number.isInteger(maxDepth) || maxDepth < 0 || maxDepth > greatestDepth) {
    throw new TypeError(`maxDepth must be an integer in 0..${greatestDepth}, got ${maxDepth}`);
  }
  if (bytes.length > maxBytes) {
    throw new LimitError<CborErrorCode>(
      'CBOR_TOO_LARGE',
      `cbor: an input must have at most ${maxBytes} bytes, got ${bytes.length}`,
    );
  }
  const input = new Input(bytes, {
    allowIndefiniteMap: options.allowIndefiniteMap ?? false,
    maxItems: options.maxItems ?? defaultMaxItems,
  });
  const value = new Decoder(input, maxDepth, options.tags ?? []).item(0);
  if (input.left > 0) {
    throw fault('CBOR_TRAILING', input.offset, `the item must end the input, ${input.left} bytes follow`);
  }
  return value;
}

class Decoder {
  readonly #input: Input;
  readonly #maxDepth: number;
  readonly #tags: readonly number[];

  constructor(input: Input, maxDepth: number, tags: readonly number[]) {
    this.#input = input;
    this.#maxDepth = maxDepth;
    this.#tags = tags;
  }

  item(depth: number): CborValue {
    const head = this.#input.head();
    switch (head.type) {
      case major.unsigned:
        return definite(head);
      case major.negative:
        return negative(definite(head));
      case major.bytes:
        return this.#input.string(head);
      case major.text:
        return this.#text(head);
      case major.array:
        return this.#array(head, depth);
      case major.map:
        return this.#map(head, depth);
      case major.tag:
        return this.#tag(head, depth);
      default:
        return simple(head);
    }
  }

  #text(head: Head): string {
    const content = this.#input.string(head);
    try {
      return utf8Text(content);
    } catch (cause) {
      throw fault('CBOR_UTF8', head.at, `a text of ${content.length} bytes is not valid UTF-8`, cause);
    }
  }

  #array(head: Head, depth: number): readonly CborValue[] {
    this.#enter(head, depth);
    const count = this.#input.count(head, 1);
    const items: CborValue[] = [];
    for (let index = 0; index < count; index += 1) items.push(this.item(depth + 1));
    return items;
  }

  #map(head: Head, depth: number): ReadonlyMap<CborKey, CborValue> {
    this.#enter(head, depth);
    const indefinite = head.argument === undefined;
    const count = indefinite ? Number.POSITIVE_INFINITY : this.#input.count(head, 2);
    const map = new Map<CborKey, CborValue>();
    // A Map compares byte strings by identity; on the wire they are one key when their content is one.
    const byteKeys = new Set<string>();
    for (let index = 0; index < count; index += 1) {
      if (indefinite && this.#input.takeBreak()) break;
      const at = this.#input.offset;
      const key = this.#key(depth + 1);
      const content = key instanceof Uint8Array ? key.join(' ') : undefined;
      if (content === undefined ? map.has(key) : byteKeys.has(content)) {
        throw fault('CBOR_DUPLICATE_KEY', at, `the key ${keyText(key)} stands twice in one map`);
      }
      if (content !== undefined) byteKeys.add(content);
      map.set(key, this.item(depth + 1));
    }
    return map;
  }

  #key(depth: number): CborKey {
    const type = this.#input.peekType();
    if (type !== undefined && type > major.text) {
      const at = this.#input.offset;
      throw fault('CBOR_KEY_TYPE', at, `a map key must be an integer, text or bytes, got major type ${type}`);
    }
    return this.item(depth) as CborKey;
  }

  #tag(head: Head, depth: number): CborTag {
    this.#enter(head, depth);
    const tag = definite(head);
    if (typeof tag === 'bigint' || !this.#tags.includes(tag)) {
      const allowed = this.#tags.length === 0 ? 'no tag' : `tag ${this.#tags.join(', ')}`;
      throw fault('CBOR_TAG', head.at, `${allowed} is allowed here, got tag ${tag}`);
    }
    return new CborTag(tag, this.item(depth + 1));
  }

  #enter(head: Head, depth: number): void {
    if (depth >= this.#maxDepth) throw fault('CBOR_DEPTH', head.at, `items must nest at most ${this.#maxDepth} deep`);
  }
}

// RFC 8949 section 3.1: major type 1 carries -1 - n.
function negative(argument: number | bigint): number | bigint {
  if (typeof argument === 'bigint') return -1n - argument;
  return argument === Number.MAX_SAFE_INTEGER ? -1n - BigInt(argument) : -1 - argument;
}

// Given: RFC 8949 section 3.3.
function simple({ at, argument }: Head): boolean | null {
  if (argument === 20) return false;
  if (argument === 21) return true;
  if (argument === 22) return null;
  if (argument === info.indefinite) throw fault('CBOR_BREAK', at, 'a break stands outside of an indefinite map');
  if (argument === info.twoBytes || argument === info.fourBytes || argument === info.eightBytes) {
    throw fault('CBOR_FLOAT', at, 'floating-point numbers are refused');
  }
  throw fault('CBOR_SIMPLE', at, `only false, true and null are accepted of the simple values, got ${argument}`);
}

function keyText(key: CborKey): string {
  if (key instanceof Uint8Array) return `of ${key.length} bytes`;
  if (typeof key !== 'string') return String(key);
  return JSON.stringify(key.length > 40 ? `${key.slice(0, 40)}...` : key);
}

// Bytes to a CBOR value, for bytes an adversary wrote. One value has one accepted form: minimal integers, definite
// lengths, each key once by value, valid UTF-8, nothing after the end. Anything else is an error with its byte offset.
// No announced length is believed before the bytes are there, so none can make this side allocate.
import { utf8Text } from '../bytes/index.ts';
import { LimitError, ParseError } from '../errors/index.ts';
import type { CborErrorCode, CborKey, CborValue } from './value.ts';
import { breakByte, CborTag, greatestDepth, info, major } from './value.ts';

export interface DecodeCborOptions {
  /** Accept bf..ff for the top-level map only: Nitro hardware writes its payload so. Default false. */
  readonly allowIndefiniteMap?: boolean;
  /** Tags to accept, for example [18] for a tagged COSE_Sign1. Default none. */
  readonly tags?: readonly number[];
  /** Arrays, maps and tags inside each other, 0..64. Default 8. */
  readonly maxDepth?: number;
  /** Input bytes. Default 1 MiB. */
  readonly maxBytes?: number;
  /** Items in all: a byte of input can cost an object of 40, so bytes alone are no bound on memory. Default 10,000. */
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
      `cbor: an item must have at most ${maxBytes} bytes, got ${bytes.length}`,
    );
  }
  const decoder = new Decoder(bytes, { ...options, maxDepth });
  const value = decoder.item(0);
  decoder.end();
  return value;
}

interface Head {
  /** Where the item begins, for messages. */
  readonly at: number;
  readonly type: number;
  /** Undefined for an indefinite length. */
  readonly argument: number | bigint | undefined;
}

class Decoder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #indefiniteMapAllowed: boolean;
  readonly #tags: readonly number[];
  readonly #maxDepth: number;
  readonly #maxItems: number;
  #offset = 0;
  #items = 0;

  constructor(bytes: Uint8Array, options: DecodeCborOptions & { readonly maxDepth: number }) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#indefiniteMapAllowed = options.allowIndefiniteMap ?? false;
    this.#tags = options.tags ?? [];
    this.#maxDepth = options.maxDepth;
    this.#maxItems = options.maxItems ?? defaultMaxItems;
  }

  item(depth: number): CborValue {
    const head = this.#head();
    switch (head.type) {
      case major.unsigned:
        return definite(head);
      case major.negative:
        return negative(definite(head));
      case major.bytes:
        return this.#string(head);
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

  end(): void {
    const left = this.#bytes.length - this.#offset;
    if (left > 0) throw fault('CBOR_TRAILING', this.#offset, `the item must end the input, ${left} bytes follow`);
  }

  #head(): Head {
    const at = this.#offset;
    this.#items += 1;
    if (this.#items > this.#maxItems) {
      throw fault('CBOR_ITEMS', at, `an input must have at most ${this.#maxItems} items, got more`);
    }
    const initial = this.#take(1, at, 'an item');
    const type = this.#bytes[initial]! >> 5;
    const low = this.#bytes[initial]! & 31;
    if (type === major.simple) return { at, type, argument: low };
    if (low < info.oneByte) return { at, type, argument: low };
    if (low === info.indefinite) return this.#indefinite(at, type);
    if (low > info.eightBytes) throw fault('CBOR_RESERVED', at, `additional information ${low} is reserved`);
    return { at, type, argument: this.#argument(at, low) };
  }

  // RFC 8949 section 4.2.1. The same number in a longer form would be a second name for one key or one length.
  #argument(at: number, low: number): number | bigint {
    const width = 1 << (low - info.oneByte);
    const start = this.#take(width, at, `a ${width}-byte argument`);
    const [value, least] =
      width === 1
        ? [this.#view.getUint8(start), info.oneByte]
        : width === 2
          ? [this.#view.getUint16(start), 0x100]
          : width === 4
            ? [this.#view.getUint32(start), 0x1_0000]
            : [this.#view.getBigUint64(start), 0x1_0000_0000];
    if (value < least)
      throw fault('CBOR_NOT_MINIMAL', at, `${value} is written in ${width} bytes, which is not its shortest form`);
    return typeof value === 'bigint' && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }

  #indefinite(at: number, type: number): Head {
    if (type === major.map && at === 0 && this.#indefiniteMapAllowed) return { at, type, argument: undefined };
    if (type < major.bytes || type === major.tag)
      throw fault('CBOR_RESERVED', at, 'additional information 31 is reserved');
    throw fault('CBOR_INDEFINITE', at, 'an indefinite length is refused here');
  }

  #string(head: Head): Uint8Array {
    const length = definite(head);
    const start = this.#take(length, head.at, 'a string');
    // A copy: the caller may overwrite its buffer after a verification. Not slice(), which on a Buffer gives a view.
    return new Uint8Array(this.#bytes.subarray(start, this.#offset));
  }

  #text(head: Head): string {
    const content = this.#string(head);
    try {
      return utf8Text(content);
    } catch (cause) {
      throw fault('CBOR_UTF8', head.at, `a text of ${content.length} bytes is not valid UTF-8`, cause);
    }
  }

  #array(head: Head, depth: number): readonly CborValue[] {
    this.#enter(head, depth);
    const count = this.#count(head, 1);
    const items: CborValue[] = [];
    for (let index = 0; index < count; index += 1) items.push(this.item(depth + 1));
    return items;
  }

  #map(head: Head, depth: number): ReadonlyMap<CborKey, CborValue> {
    this.#enter(head, depth);
    const count = head.argument === undefined ? Number.POSITIVE_INFINITY : this.#count(head, 2);
    const map = new Map<CborKey, CborValue>();
    // A Map compares byte strings by identity; on the wire they are one key when their content is.
    const byteKeys = new Set<string>();
    for (let index = 0; index < count; index += 1) {
      if (head.argument === undefined && this.#takeBreak()) break;
      const at = this.#offset;
      const key = this.#key(depth + 1);
      const bytes = key instanceof Uint8Array ? key.join(' ') : undefined;
      if (bytes === undefined ? map.has(key) : byteKeys.has(bytes)) {
        throw fault('CBOR_DUPLICATE_KEY', at, `the key ${keyText(key)} stands twice in one map`);
      }
      if (bytes !== undefined) byteKeys.add(bytes);
      map.set(key, this.item(depth + 1));
    }
    return map;
  }

  #key(depth: number): CborKey {
    const at = this.#offset;
    const type = (this.#bytes[at] ?? 0) >> 5;
    if (type > major.text)
      throw fault('CBOR_KEY_TYPE', at, `a map key must be an integer, text or bytes, got major type ${type}`);
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

  // Each element needs at least one byte, so a count beyond what is left is a lie that needs no loop to find.
  #count(head: Head, bytesEach: 1 | 2): number {
    const count = definite(head);
    const left = this.#bytes.length - this.#offset;
    if (typeof count === 'bigint' || count > left / bytesEach) {
      throw fault(
        'CBOR_TRUNCATED',
        head.at,
        `${bytesEach === 1 ? 'an array' : 'a map'} announces ${count} entries, ${left} bytes are left`,
      );
    }
    return count;
  }

  #takeBreak(): boolean {
    if (this.#bytes[this.#offset] !== breakByte) return false;
    this.#offset += 1;
    return true;
  }

  /** Moves past `length` bytes and returns where they begin. */
  #take(length: number | bigint, at: number, what: string): number {
    const start = this.#offset;
    const left = this.#bytes.length - start;
    if (length > left) throw fault('CBOR_TRUNCATED', at, `${what} needs ${length} bytes, ${left} are left`);
    this.#offset += Number(length);
    return start;
  }
}

function definite(head: Head): number | bigint {
  // Only a map passes #indefinite, and #map looks before it comes here.
  return head.argument!;
}

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

function fault(code: CborErrorCode, at: number, message: string, cause?: unknown): ParseError<CborErrorCode> {
  return new ParseError(code, `cbor: at byte ${at}: ${message}`, cause === undefined ? {} : { cause });
}

// CBOR values to bytes: minimal integers, definite lengths, maps in insertion order (the NSM's order is not the sorted one).
// Refuses what the decoder of this room would refuse, so that nothing this side writes surprises the other.
import { toUtf8 } from '../bytes/index.ts';
import type { CborKey, CborValue } from './value.ts';
import { breakByte, CborTag, greatestDepth, info, major } from './value.ts';

export interface EncodeCborOptions {
  /** Write the top-level map as bf..ff, as Nitro hardware has written its payload since 2025. Default false. */
  readonly indefiniteMap?: boolean;
}

/**
 * Throws TypeError for what has no CBOR form here: a number that is no safe integer, a bigint beyond 64 bits, text with a
 * lone surrogate, two map keys of one value, a value of another type, nesting (or a cycle) deeper than 64.
 */
export function encodeCbor(value: CborValue, options: EncodeCborOptions = {}): Uint8Array<ArrayBuffer> {
  const encoder = new Encoder();
  if (options.indefiniteMap === true) {
    if (!(value instanceof Map)) throw new TypeError(`an indefinite top level must be a Map, got ${nameOf(value)}`);
    encoder.indefiniteMap(value);
  } else {
    encoder.item(value, 0);
  }
  return encoder.bytes();
}

class Encoder {
  #buffer = new Uint8Array(256);
  #length = 0;

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.slice(0, this.#length);
  }

  item(value: CborValue, depth: number): void {
    if (depth > greatestDepth)
      throw new TypeError(`CBOR values nest at most ${greatestDepth} deep, or this one is a cycle`);
    if (typeof value === 'number' || typeof value === 'bigint') this.#integer(value);
    else if (typeof value === 'string') this.#text(value);
    else if (typeof value === 'boolean') this.#byte((major.simple << 5) | (value ? 21 : 20));
    else if (value === null) this.#byte((major.simple << 5) | 22);
    else if (value instanceof Uint8Array) this.#string(major.bytes, value);
    else if (Array.isArray(value)) this.#array(value, depth);
    else if (value instanceof Map) this.#map(value, depth);
    else if (value instanceof CborTag) this.#tag(value, depth);
    else throw new TypeError(`CBOR has no form here for ${nameOf(value)}`);
  }

  indefiniteMap(map: ReadonlyMap<CborKey, CborValue>): void {
    this.#byte((major.map << 5) | info.indefinite);
    this.#entries(map, 0);
    this.#byte(breakByte);
  }

  #integer(value: number | bigint): void {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      throw new TypeError(`a CBOR number must be a safe integer (a bigint beyond 2^53 - 1), got ${value}`);
    }
    if (value >= 0) this.#head(major.unsigned, value);
    // RFC 8949 section 3.1: major type 1 carries -1 - n.
    else this.#head(major.negative, typeof value === 'bigint' ? -1n - value : -1 - value);
  }

  #text(value: string): void {
    // TextEncoder would write U+FFFD for it: two different texts would become one.
    if (!value.isWellFormed()) throw new TypeError('CBOR text must have no lone surrogate');
    this.#string(major.text, toUtf8(value));
  }

  #string(type: number, content: Uint8Array): void {
    this.#head(type, content.length);
    this.#reserve(content.length);
    this.#buffer.set(content, this.#length);
    this.#length += content.length;
  }

  #array(items: readonly CborValue[], depth: number): void {
    this.#head(major.array, items.length);
    for (const item of items) this.item(item, depth + 1);
  }

  #map(map: ReadonlyMap<CborKey, CborValue>, depth: number): void {
    this.#head(major.map, map.size);
    this.#entries(map, depth);
  }

  #entries(map: ReadonlyMap<CborKey, CborValue>, depth: number): void {
    const seen = new Set<string>();
    for (const [key, value] of map) {
      const identity = keyIdentity(key);
      if (seen.has(identity)) throw new TypeError(`a CBOR map must have each key once, got ${identity} twice`);
      seen.add(identity);
      this.item(key, depth + 1);
      this.item(value, depth + 1);
    }
  }

  #tag({ tag, value }: CborTag, depth: number): void {
    if (!Number.isSafeInteger(tag) || tag < 0)
      throw new TypeError(`a CBOR tag must be a safe integer >= 0, got ${tag}`);
    this.#head(major.tag, tag);
    this.item(value, depth + 1);
  }

  // RFC 8949 section 4.2.1: the shortest form that holds the argument.
  #head(type: number, argument: number | bigint): void {
    this.#reserve(9);
    const view = new DataView(this.#buffer.buffer, this.#length);
    const first = type << 5;
    if (argument < info.oneByte) {
      view.setUint8(0, first | Number(argument));
      this.#length += 1;
    } else if (argument <= 0xff) {
      view.setUint8(0, first | info.oneByte);
      view.setUint8(1, Number(argument));
      this.#length += 2;
    } else if (argument <= 0xffff) {
      view.setUint8(0, first | info.twoBytes);
      view.setUint16(1, Number(argument));
      this.#length += 3;
    } else if (argument <= 0xffff_ffff) {
      view.setUint8(0, first | info.fourBytes);
      view.setUint32(1, Number(argument));
      this.#length += 5;
    } else if (argument <= 0xffff_ffff_ffff_ffffn) {
      view.setUint8(0, first | info.eightBytes);
      view.setBigUint64(1, BigInt(argument));
      this.#length += 9;
    } else {
      throw new TypeError(
        `a CBOR integer must be in -2^64..2^64 - 1, got ${type === major.negative ? '-1 - ' : ''}${argument}`,
      );
    }
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.#length] = byte;
    this.#length += 1;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + count));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

// 1 and 1n are one key on the wire, and two byte strings of one content are too, though a Map keeps them apart.
function keyIdentity(key: CborKey): string {
  if (typeof key === 'string') return JSON.stringify(key);
  if (key instanceof Uint8Array) return `bytes ${key.join(' ')}`;
  if (typeof key === 'number' || typeof key === 'bigint') return String(key);
  throw new TypeError(`a CBOR map key must be an integer, text or bytes, got ${nameOf(key)}`);
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  return value.constructor?.name ?? 'an object without a constructor';
}

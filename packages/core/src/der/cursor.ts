// Reads DER (X.690 section 10) from memory, element by element, under the caller's direction: it never descends by itself,
// so no input can make it recurse. Refuses indefinite and non-minimal lengths, long-form tags and trailing bytes, because
// two encodings of one certificate would let an attacker show different bytes to two readers of the same meaning.
import { ParseError } from '../errors/index.ts';
import type { DerErrorCode } from './error-code.ts';
import { DER_TAG } from './tag.ts';
import { parseBitString, parseBoolean, parseOid, parseSmallInteger, parseTime, parseUnsigned } from './value.ts';

/** One tag-length-value. `bytes` is all of it, `content` the value only; both are views of the input. */
export interface DerElement {
  readonly tag: number;
  readonly bytes: Uint8Array;
  readonly content: Uint8Array;
}

/** A cursor over the content of the one element that `bytes` must consist of. `what` names it in messages. */
export function openDer(bytes: Uint8Array, tag: number, what: string): DerCursor {
  const outer = new DerCursor(bytes, what);
  const inner = outer.enter(tag);
  outer.end();
  return inner;
}

export class DerCursor {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #offset = 0;

  /** `what` names the object in error messages: `certificate`, `ECDSA signature`. */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** Whether the next element has this tag. False at the end. */
  isAt(tag: number): boolean {
    return this.#bytes[this.#offset] === tag;
  }

  /** The next element, which must have this tag. */
  take(tag: number, field = this.#what): DerElement {
    const element = this.#next(field);
    if (element.tag !== tag) {
      throw fault('DER_TAG', `${this.#name(field)} must have tag 0x${hex(tag)}, got 0x${hex(element.tag)}`);
    }
    return element;
  }

  /** The next element whatever its tag. */
  takeAny(field = this.#what): DerElement {
    return this.#next(field);
  }

  /** A cursor over the content of the next element. */
  enter(tag: number, field = this.#what): DerCursor {
    return new DerCursor(this.take(tag, field).content, field === this.#what ? field : this.#name(field));
  }

  /** A positive INTEGER's magnitude without leading zero, at most `maxBytes` of it. */
  takeUnsigned(field: string, maxBytes: number): Uint8Array {
    return parseUnsigned(this.take(DER_TAG.integer, field).content, this.#name(field), maxBytes);
  }

  /** An INTEGER in 0..max, where max < 2^31. */
  takeSmallInteger(field: string, max: number): number {
    return parseSmallInteger(this.take(DER_TAG.integer, field).content, this.#name(field), max);
  }

  takeBoolean(field: string): boolean {
    return parseBoolean(this.take(DER_TAG.boolean, field).content, this.#name(field));
  }

  /** Dotted decimal. */
  takeOid(field: string): string {
    return parseOid(this.take(DER_TAG.oid, field).content, this.#name(field));
  }

  takeOctets(field: string): Uint8Array {
    return this.take(DER_TAG.octetString, field).content;
  }

  takeBitString(field: string): { readonly bytes: Uint8Array; readonly unusedBits: number } {
    return parseBitString(this.take(DER_TAG.bitString, field).content, this.#name(field));
  }

  /** Unix seconds of a UTCTime or GeneralizedTime as RFC 5280 section 4.1.2.5 restricts them. */
  takeTime(field: string): number {
    return parseTime(this.takeAny(field), this.#name(field));
  }

  /** Refuses whatever is left. */
  end(): void {
    const left = this.#bytes.length - this.#offset;
    if (left > 0)
      throw fault('DER_TRAILING', `${this.#what} must end at offset ${this.#offset}, got ${left} more bytes`);
  }

  #name(field: string): string {
    return field === this.#what ? field : `${this.#what} ${field}`;
  }

  #next(field: string): DerElement {
    const bytes = this.#bytes;
    const start = this.#offset;
    const tag = bytes[start];
    const first = bytes[start + 1];
    if (tag === undefined || first === undefined) {
      throw fault(
        'DER_TRUNCATED',
        `${this.#name(field)} must start at offset ${start}, got ${bytes.length} bytes in all`,
      );
    }
    if ((tag & 0x1f) === 0x1f) {
      throw fault('DER_TAG', `${this.#name(field)} must have a tag number below 31, got first octet 0x${hex(tag)}`);
    }
    const { length, headerBytes } = this.#length(first, start, field);
    const end = start + headerBytes + length;
    if (end > bytes.length) {
      const had = bytes.length - start - headerBytes;
      throw fault('DER_TRUNCATED', `${this.#name(field)} must have ${length} content bytes, got ${had}`);
    }
    this.#offset = end;
    return { tag, bytes: bytes.subarray(start, end), content: bytes.subarray(start + headerBytes, end) };
  }

  #length(first: number, start: number, field: string): { length: number; headerBytes: number } {
    if (first < 0x80) return { length: first, headerBytes: 2 };
    const count = first & 0x7f;
    // X.690 10.1: definite form only (0x80 is the indefinite one); four octets hold more than anything read here.
    if (count === 0 || count > 4) {
      throw fault(
        'DER_LENGTH',
        `${this.#name(field)} must have a definite length of at most 4 octets, got 0x${hex(first)}`,
      );
    }
    let length = 0;
    for (let index = 0; index < count; index += 1) {
      const octet = this.#bytes[start + 2 + index];
      if (octet === undefined) {
        throw fault('DER_TRUNCATED', `${this.#name(field)} must have ${count} length octets, got ${index}`);
      }
      length = length * 256 + octet;
    }
    if (length < 0x80 || length < 256 ** (count - 1)) {
      const form = `${count} octets for ${length}`;
      throw fault('DER_LENGTH', `${this.#name(field)} must have its shortest length form, got ${form}`);
    }
    return { length, headerBytes: 2 + count };
  }
}

function fault(code: DerErrorCode, message: string): ParseError<DerErrorCode> {
  return new ParseError(code, message);
}

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0');
}

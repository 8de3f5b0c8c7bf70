// The bytes under a CBOR decoder: where it stands, the head of the next item, and how far it may go.
// No announced length is believed before the bytes are there, so none can make this side allocate.
import { ParseError } from '../errors/index.ts';
import type { CborErrorCode } from './value.ts';
import { breakByte, info, major } from './value.ts';

export interface Head {
  /** Where the item begins, for messages. */
  readonly at: number;
  readonly type: number;
  /** Undefined for an indefinite length. */
  readonly argument: number | bigint | undefined;
}

export interface InputOptions {
  readonly allowIndefiniteMap: boolean | 'everywhere';
  readonly maxItems: number;
}

export class Input {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #options: InputOptions;
  #offset = 0;
  #items = 0;

  constructor(bytes: Uint8Array, options: InputOptions) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#options = options;
  }

  get offset(): number {
    return this.#offset;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  /** The major type of the next item; undefined at the end. */
  peekType(): number | undefined {
    const initial = this.#bytes[this.#offset];
    return initial === undefined ? undefined : initial >> 5;
  }

  head(): Head {
    const at = this.#offset;
    this.#items += 1;
    if (this.#items > this.#options.maxItems) {
      throw fault('CBOR_ITEMS', at, `an input must have at most ${this.#options.maxItems} items, got more`);
    }
    const initial = this.#bytes[this.#skip(1, at, 'an item')]!;
    const type = initial >> 5;
    const low = initial & 31;
    if (type === major.simple || low < info.oneByte) return { at, type, argument: low };
    if (low === info.indefinite) return this.#indefinite(at, type);
    if (low > info.eightBytes) throw fault('CBOR_RESERVED', at, `additional information ${low} is reserved`);
    return { at, type, argument: this.#argument(at, low) };
  }

  /** The content of a string. A copy: the caller may overwrite its buffer after a verification. */
  string(head: Head): Uint8Array {
    const start = this.#skip(definite(head), head.at, 'a string');
    // Not slice(), which on a Buffer gives a view.
    return new Uint8Array(this.#bytes.subarray(start, this.#offset));
  }

  // Each entry needs at least its bytes, so a count beyond what is left is a lie that needs no loop to find.
  count(head: Head, bytesEach: 1 | 2): number {
    const count = definite(head);
    if (typeof count === 'bigint' || count > this.left / bytesEach) {
      const what = bytesEach === 1 ? 'an array' : 'a map';
      throw fault('CBOR_TRUNCATED', head.at, `${what} announces ${count} entries, ${this.left} bytes are left`);
    }
    return count;
  }

  takeBreak(): boolean {
    if (this.#bytes[this.#offset] !== breakByte) return false;
    this.#offset += 1;
    return true;
  }

  // RFC 8949 section 4.2.1. The same number in a longer form would be a second name for one key or one length.
  #argument(at: number, low: number): number | bigint {
    const width = 1 << (low - info.oneByte);
    const start = this.#skip(width, at, `a ${width}-byte argument`);
    const [value, least] = this.#read(start, width);
    if (value < least) {
      throw fault('CBOR_NOT_MINIMAL', at, `${value} is written in ${width} bytes, which is not its shortest form`);
    }
    return typeof value === 'bigint' && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }

  /** The argument, and the least value that needs this width. */
  #read(start: number, width: number): readonly [number | bigint, number] {
    if (width === 1) return [this.#view.getUint8(start), info.oneByte];
    if (width === 2) return [this.#view.getUint16(start), 0x100];
    if (width === 4) return [this.#view.getUint32(start), 0x1_0000];
    return [this.#view.getBigUint64(start), 0x1_0000_0000];
  }

  #indefinite(at: number, type: number): Head {
    const allowed = this.#options.allowIndefiniteMap;
    if (type === major.map && (allowed === 'everywhere' || (allowed && at === 0)))
      return { at, type, argument: undefined };
    // RFC 8949 section 3: integers and tags have no indefinite form at all.
    if (type < major.bytes || type === major.tag)
      throw fault('CBOR_RESERVED', at, 'additional information 31 is reserved');
    throw fault('CBOR_INDEFINITE', at, 'an indefinite length is refused here');
  }

  /** Moves past `length` bytes and returns where they begin. */
  #skip(length: number | bigint, at: number, what: string): number {
    const start = this.#offset;
    if (length > this.left) throw fault('CBOR_TRUNCATED', at, `${what} needs ${length} bytes, ${this.left} are left`);
    this.#offset += Number(length);
    return start;
  }
}

/** The argument of an item that is no indefinite map; only a map can be one, and its reader looks first. */
export function definite(head: Head): number | bigint {
  if (head.argument === undefined) throw fault('CBOR_INDEFINITE', head.at, 'an indefinite length is refused here');
  return head.argument;
}

export function fault(code: CborErrorCode, at: number, message: string, cause?: unknown): ParseError<CborErrorCode> {
  return new ParseError(code, `cbor: at byte ${at}: ${message}`, cause === undefined ? {} : { cause });
}

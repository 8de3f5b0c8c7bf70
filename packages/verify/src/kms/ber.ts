// Reads BER (ITU-T X.690 section 8) where the DER reader cannot: indefinite lengths, which KMS writes. The caller opens and
// closes each element by name, so that the depth is the caller's grammar and no input can make it recurse; lengths are
// checked against every enclosing element before anything is taken. Lengths must have their shortest form all the same.
import { ParseError } from '@caisson/core/errors';
import type { KmsErrorCode } from './error-code.ts';

// Given: X.690 8.1.5 and 8.1.3.6.
const endOfContents = 0x00;
const indefinite = 0x80;

export class BerReader {
  readonly #bytes: Uint8Array;
  /** Ends of the opened elements, innermost last; undefined for one of indefinite length. */
  readonly #ends: (number | undefined)[] = [];
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Enters the constructed element that must stand here with this tag. */
  open(tag: number, field: string): void {
    const length = this.#header(tag, field);
    this.#ends.push(length === undefined ? undefined : this.#offset + length);
  }

  /** Leaves the innermost element, which must end here. */
  close(field: string): void {
    const isEnd = this.isAtEnd;
    const end = this.#ends.pop();
    if (!isEnd) throw this.#fault(field, 'must end');
    if (end === undefined) this.#offset += 2;
  }

  /** Whether the innermost element has no more content. */
  get isAtEnd(): boolean {
    const end = this.#ends.at(-1);
    if (this.#ends.length > 0 && end === undefined) {
      const hasTwo = this.#limit - this.#offset >= 2;
      return hasTwo && this.#bytes[this.#offset] === endOfContents && this.#bytes[this.#offset + 1] === 0;
    }
    return this.#offset === (end ?? this.#bytes.length);
  }

  isAt(tag: number): boolean {
    return this.#offset < this.#limit && this.#bytes[this.#offset] === tag;
  }

  /** Content of the primitive element that must stand here, a view of the input. */
  take(tag: number, field: string, minBytes: number, maxBytes: number): Uint8Array {
    const length = this.#header(tag, field);
    if (length === undefined || length < minBytes || length > maxBytes) {
      const bound = minBytes === maxBytes ? `${minBytes}` : `${minBytes} to ${maxBytes}`;
      throw this.#fault(field, `must have ${bound} bytes, got ${length ?? 'an indefinite length'}`);
    }
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  /** The next bytes must be one of these, whatever they mean. */
  expect(forms: readonly Uint8Array[], field: string): void {
    const found = forms.find(
      (form) => form.length <= this.#limit - this.#offset && form.every((byte, index) => this.#at(index) === byte),
    );
    if (found === undefined) throw this.#fault(field, 'must be the one that KMS writes, got another');
    this.#offset += found.length;
  }

  /** Refuses whatever follows the outermost element. */
  end(): void {
    const left = this.#bytes.length - this.#offset;
    if (left > 0) throw this.#fault('text', `must end, got ${left} more bytes`);
  }

  #at(distance: number): number | undefined {
    return this.#bytes[this.#offset + distance];
  }

  /** Where the innermost element of known length ends. */
  get #limit(): number {
    return this.#ends.findLast((end) => end !== undefined) ?? this.#bytes.length;
  }

  // X.690 8.1.3: the content's length, undefined when indefinite; it fits into what encloses it.
  #header(tag: number, field: string): number | undefined {
    if (!this.isAt(tag)) throw this.#fault(field, `must have tag 0x${tag.toString(16).padStart(2, '0')}`);
    const first = this.#offset + 1 < this.#limit ? this.#at(1)! : -1;
    if (first === indefinite) {
      this.#offset += 2;
      return undefined;
    }
    const count = first > indefinite ? first - indefinite : 0;
    let length = count === 0 ? first : 0;
    // Two octets hold more than the greatest input.
    if (count <= 2) for (let index = 0; index < count; index += 1) length = length * 256 + (this.#at(2 + index) ?? 0);
    const isShortest = count === 0 || (length >= 0x80 && length >= 256 ** (count - 1));
    const start = this.#offset + 2 + count;
    if (first < 0 || count > 2 || !isShortest || start + length > this.#limit) {
      throw this.#fault(field, 'must have a length in its shortest form that fits into what encloses it, got another');
    }
    this.#offset = start;
    return length;
  }

  #fault(field: string, rule: string): ParseError<KmsErrorCode> {
    return new ParseError('KMS_ENVELOPE', `KMS answer ${field} ${rule} at offset ${this.#offset}`);
  }
}

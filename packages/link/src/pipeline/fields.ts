// CBOR maps of the pipeline, read one field at a time: each is taken by its type and bound, and what is left over is refused.
import { type CborValue, decodeCbor, encodeCbor } from '@caisson/core/cbor';
import { CaissonError, ParseError } from '@caisson/core/errors';
import type { PipelineErrorCode } from './error-code.ts';

export class Fields {
  readonly #map: Map<unknown, CborValue>;
  readonly #what: string;

  /** Throws ParseError PIPELINE_REQUEST for what is no map in strict CBOR. */
  constructor(bytes: Uint8Array, what: string, maxBytes = 1 << 16) {
    this.#what = what;
    let value: CborValue;
    try {
      value = decodeCbor(bytes, { maxBytes, maxDepth: 4, maxItems: 20_000 });
    } catch (cause) {
      if (!(cause instanceof CaissonError)) throw cause;
      throw this.#fault('strict CBOR', cause);
    }
    if (!(value instanceof Map)) throw this.#fault('a map');
    this.#map = new Map(value);
  }

  integer(key: number, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.#take(key);
    if (typeof value === 'number' && value >= 0 && value <= most) return value;
    throw this.#fault(`a whole number up to ${most} under ${key}`);
  }

  text(key: number, maxCharacters = 4_096): string {
    return this.#textOf(this.#take(key), key, maxCharacters);
  }

  bytes(key: number, length: number): Uint8Array {
    const value = this.#take(key);
    if (value instanceof Uint8Array && value.length === length) return value;
    throw this.#fault(`${length} bytes under ${key}`);
  }

  boolean(key: number): boolean {
    const value = this.#take(key);
    if (typeof value === 'boolean') return value;
    throw this.#fault(`true or false under ${key}`);
  }

  texts(key: number, maxItems: number, maxCharacters = 8_192): readonly string[] {
    const value = this.#take(key);
    if (!Array.isArray(value) || value.length > maxItems) throw this.#fault(`at most ${maxItems} texts under ${key}`);
    return value.map((one) => this.#textOf(one, key, maxCharacters));
  }

  /** null where the field is null or absent. */
  optional<Value>(key: number, read: () => Value): Value | null {
    const value = this.#map.get(key);
    if (value !== undefined && value !== null) return read();
    this.#map.delete(key);
    return null;
  }

  end(): void {
    const [key] = this.#map.keys();
    if (key !== undefined) throw this.#fault(`no field ${String(key)}`);
  }

  #take(key: number): CborValue | undefined {
    const value = this.#map.get(key);
    this.#map.delete(key);
    return value;
  }

  #textOf(value: CborValue | undefined, key: number, maxCharacters: number): string {
    if (typeof value === 'string' && value.length <= maxCharacters && !value.includes('\0')) return value;
    throw this.#fault(`text of at most ${maxCharacters} characters without NUL under ${key}`);
  }

  #fault(rule: string, cause?: unknown): ParseError<PipelineErrorCode> {
    return new ParseError('PIPELINE_REQUEST', `${this.#what} must have ${rule}, got something else`, { cause });
  }
}

/** Fields that are null are left out. */
export function encodeFields(fields: Readonly<Record<number, CborValue>>): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(fields).filter(([, value]) => value !== null);
  return encodeCbor(new Map(entries.map(([key, value]) => [Number(key), value])));
}

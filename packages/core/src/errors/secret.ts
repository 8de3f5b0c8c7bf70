// Bytes that must never be formatted. Every way in which JavaScript turns a value into text prints `[secret]`.

const hidden = '[secret]';

/** Holds secret bytes; `reveal` is the one way to them, `erase` zeroes them in place. */
export class Secret {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  reveal(): Uint8Array {
    return this.#bytes;
  }

  erase(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  // The well-known symbol of util.inspect, by its registry name so that this room names no node: module.
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return hidden;
  }
}

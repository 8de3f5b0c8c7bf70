// Cuts a byte stream into lines of bounded length (docs/wire/nsm-lines.md). A line that is too long costs at most one line's
// memory: it is thrown away up to its newline, and the next one is read as if nothing had happened.

export type SplitLine =
  | { readonly kind: 'line'; readonly bytes: Uint8Array }
  /** `json`: its first byte that is not blank was `{`. */
  | { readonly kind: 'too-large'; readonly json: boolean };

const newline = 0x0a;
const brace = 0x7b;
const blanks = [0x20, 0x09, 0x0d, newline];

export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #length = 0;
  #discarding = false;

  /** `maxBytes` counts the newline, as argonaut does: one byte less of text when there is a newline. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that `chunk` ends. A line is handed out in one piece, whatever the chunks were. */
  *push(chunk: Uint8Array): Generator<SplitLine> {
    for (let start = 0; start < chunk.length; ) {
      const at = chunk.indexOf(newline, start);
      const end = at < 0 ? chunk.length : at + 1;
      const tooLarge = this.#take(chunk.subarray(start, end));
      if (tooLarge !== undefined) yield tooLarge;
      start = end;
      if (at < 0) continue;
      if (this.#discarding) this.#discarding = false;
      else yield this.#hand();
    }
  }

  /** What is left at the end of the stream: a last line without a newline. */
  *end(): Generator<SplitLine> {
    if (this.#length > 0) yield this.#hand();
  }

  /** Keeps a part of a line; answers for the line, once, when it has become too long. */
  #take(part: Uint8Array): SplitLine | undefined {
    if (this.#discarding) return undefined;
    this.#parts.push(part);
    this.#length += part.length;
    if (this.#length <= this.#maxBytes) return undefined;
    const json = this.#firstVisible() === brace;
    this.#reset();
    this.#discarding = true;
    return { kind: 'too-large', json };
  }

  #firstVisible(): number | undefined {
    for (const part of this.#parts) {
      const byte = part.find((candidate) => !blanks.includes(candidate));
      if (byte !== undefined) return byte;
    }
    return undefined;
  }

  #hand(): SplitLine {
    const bytes = new Uint8Array(this.#length);
    let offset = 0;
    for (const part of this.#parts) {
      bytes.set(part, offset);
      offset += part.length;
    }
    this.#reset();
    return { kind: 'line', bytes: bytes.at(-1) === newline ? bytes.subarray(0, -1) : bytes };
  }

  #reset(): void {
    this.#parts = [];
    this.#length = 0;
  }
}

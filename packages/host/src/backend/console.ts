// What an enclave has said on its console: the newest part, bounded, and a way to hear the rest as it comes. The enclave is not trusted here: what
// it writes is bytes, and a terminal gets them only through `tail`.

export interface EnclaveConsole {
  /** The newest bytes, at most MAX_CONSOLE_BYTES. */
  readonly bytes: Uint8Array;
  /** The newest whole lines, at most `lines`, without what steers a terminal. */
  tail(lines?: number): string;
  /** Passes on every piece from now on; call the result to stop. */
  listen(hear: (piece: Uint8Array) => void): () => void;
}

// Chosen.
export const MAX_CONSOLE_BYTES = 262_144;
const tailLines = 20;
const longestLine = 1_000;

export class ConsoleRing implements EnclaveConsole {
  readonly #listeners = new Set<(piece: Uint8Array) => void>();
  /** Written round and round: an enclave may write byte by byte, and a list of so many pieces would cost more than they are worth. */
  readonly #ring = Buffer.allocUnsafe(MAX_CONSOLE_BYTES);
  #at = 0;
  #isFull = false;

  push(piece: Buffer): void {
    const kept = piece.subarray(-MAX_CONSOLE_BYTES);
    const first = kept.copy(this.#ring, this.#at);
    const rest = kept.copy(this.#ring, 0, first);
    this.#isFull ||= this.#at + kept.length >= MAX_CONSOLE_BYTES;
    this.#at = rest > 0 ? rest : (this.#at + first) % MAX_CONSOLE_BYTES;
    for (const hear of this.#listeners) hear(piece);
  }

  get bytes(): Uint8Array {
    const newest = this.#ring.subarray(0, this.#at);
    return this.#isFull ? Buffer.concat([this.#ring.subarray(this.#at), newest]) : Uint8Array.from(newest);
  }

  tail(lines = tailLines): string {
    const text = new TextDecoder().decode(this.bytes);
    const all = text.split('\n').map(readable);
    if (all.at(-1) === '') all.pop();
    return all.slice(-lines).join('\n');
  }

  listen(hear: (piece: Uint8Array) => void): () => void {
    this.#listeners.add(hear);
    return () => this.#listeners.delete(hear);
  }
}

/** Escape sequences could overwrite what a terminal has shown before. */
function readable(line: string): string {
  return line.slice(0, longestLine).replaceAll(/[\p{Cc}\p{Cf}]/gu, (char) => (char === '\t' ? ' ' : ''));
}

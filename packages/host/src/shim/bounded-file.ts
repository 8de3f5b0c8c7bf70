// A file that is appended to and never grows past a bound: what is older goes to `.1`, and what was there is dropped. A full disk costs lines and never
// the enclave.
import { closeSync, constants, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

export interface BoundedFileOptions {
  readonly path: string;
  /** Bound of each of the two files, the current one and `.1`. */
  readonly maxBytes: number;
  /** Called once when writing fails, and once with undefined when it works again. */
  onTrouble(error: Error | undefined): void;
}

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;

export class BoundedFile {
  readonly #options: BoundedFileOptions;
  #fd: number | undefined;
  #bytes = 0;
  #isTroubled = false;

  constructor(options: BoundedFileOptions) {
    this.#options = options;
  }

  /** Writes before it returns, so that what somebody was told is in the file even if this process is killed next. Never throws. */
  append(bytes: Uint8Array): void {
    const { maxBytes, onTrouble } = this.#options;
    const kept = bytes.length > maxBytes ? bytes.subarray(-maxBytes) : bytes;
    try {
      this.#fd ??= this.#open();
      if (this.#bytes > 0 && this.#bytes + kept.length > maxBytes) {
        this.close();
        renameSync(this.#options.path, `${this.#options.path}.1`);
        this.#fd = this.#open();
      }
      for (let at = 0; at < kept.length; ) at += writeSync(this.#fd, kept, at);
      this.#bytes += kept.length;
      if (this.#isTroubled) onTrouble(undefined);
      this.#isTroubled = false;
    } catch (error) {
      this.close();
      if (!this.#isTroubled) onTrouble(error as Error);
      this.#isTroubled = true;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open(): number {
    const fd = openSync(this.#options.path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    this.#bytes = fstatSync(fd).size;
    return fd;
  }
}

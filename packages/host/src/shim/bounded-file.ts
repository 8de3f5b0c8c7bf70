// A file that is appended to and never grows past a bound: what is older goes to `.1`, and what was there is dropped. A full disk costs lines and never
// the enclave.
import { closeSync, constants, fstatSync, openSync, readSync, renameSync, writeSync } from 'node:fs';

export interface BoundedFileOptions {
  readonly path: string;
  /** Bound of each of the two files, the current one and `.1`. */
  readonly maxBytes: number;
  /** What is appended are whole lines: one that a full disk or a death has cut does not take the next one with it. Default false. */
  readonly isOfLines?: boolean;
  /** Called once when writing fails, and once with undefined when it works again. */
  onTrouble(error: Error | undefined): void;
}

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;
const lineEnd = 0x0a;

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
    // A pipe that somebody has put there must hold up nobody: without a reader it is refused, and with one it is no file.
    const fd = openSync(this.#options.path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    try {
      const facts = fstatSync(fd);
      if (!facts.isFile()) throw new Error(`${this.#options.path} must be a file, got another kind of thing`);
      this.#bytes = facts.size;
      if (this.#options.isOfLines === true && isCut(fd, this.#bytes)) this.#bytes += writeSync(fd, Buffer.of(lineEnd));
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
}

function isCut(fd: number, bytes: number): boolean {
  const last = Buffer.alloc(1);
  return bytes > 0 && readSync(fd, last, 0, 1, bytes - 1) === 1 && last[0] !== lineEnd;
}

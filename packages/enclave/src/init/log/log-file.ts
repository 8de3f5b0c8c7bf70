// One log file of one service, rotated. Written in the same turn in which the words were read: a supervisor that is killed then has
// lost nothing that it took out of a FIFO, and an enclave has no disk that could be waited for (its files are memory). What cannot be
// written is counted and said once, and tried again, so that a full folder costs lines and never holds up a service (R-I7).
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../clock.ts';

export interface LogFileOptions {
  readonly path: string;
  /** Bytes; a file that would grow past it is rotated first. */
  readonly maxBytes: number;
  /** Including the one that is being written; 1 keeps no old file. */
  readonly maxFiles: number;
  readonly clock: Clock;
  /** Once when writing fails, once when it works again. */
  readonly onTrouble: (trouble: { readonly error: Error | undefined; readonly lost: number }) => void;
  /** A line that says how many are missing, in the form of the file. */
  readonly formatGap: (lost: number) => string;
}

// Chosen.
const retryMs = 5_000;
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;

export class LogFile {
  readonly #options: LogFileOptions;
  #fd: number | undefined;
  #sizeBytes = 0;
  /** Lines since the last gap was written. */
  #lost = 0;
  #failedAtMs: number | undefined;

  constructor(options: LogFileOptions) {
    this.#options = options;
  }

  /** Whole lines with their ends. Never throws. */
  write(lines: readonly string[]): void {
    const { clock, formatGap, onTrouble } = this.#options;
    if (this.#failedAtMs !== undefined && clock.now() - this.#failedAtMs < retryMs) {
      this.#lost += lines.length;
      return;
    }
    const lost = this.#lost;
    try {
      this.#append(Buffer.from((lost === 0 ? '' : formatGap(lost)) + lines.join('')));
      this.#lost = 0;
      if (this.#failedAtMs !== undefined) onTrouble({ error: undefined, lost });
      this.#failedAtMs = undefined;
    } catch (error) {
      this.#lost += lines.length;
      if (this.#failedAtMs === undefined) onTrouble({ error: error as Error, lost: this.#lost });
      this.#failedAtMs = clock.now();
      this.close();
    }
  }

  /** The newest text, at most `maxBytes`, from all files; begins with a whole line. */
  async readTail(maxBytes: number): Promise<string> {
    const parts: string[] = [];
    let left = maxBytes;
    for (let index = 0; index < this.#options.maxFiles && left > 0; index += 1) {
      const part = await readEnd(this.#name(index), left);
      if (part === undefined) break;
      parts.unshift(part.text);
      left -= part.bytes;
      if (!part.whole) break;
    }
    return parts.join('');
  }

  /** Throws Node-style errors. */
  clear(): void {
    for (let index = 1; index < this.#options.maxFiles; index += 1) rmSync(this.#name(index), { force: true });
    if (this.#fd === undefined) rmSync(this.#options.path, { force: true });
    else ftruncateSync(this.#fd);
    this.#sizeBytes = 0;
    this.#lost = 0;
  }

  /** The next line opens it again. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #append(bytes: Buffer): void {
    const { maxBytes } = this.#options;
    let fd = this.#fd ?? this.#open();
    if (this.#sizeBytes > 0 && this.#sizeBytes + bytes.length > maxBytes) {
      this.#rotate();
      fd = this.#open();
    }
    // A full disk takes a part and then nothing: the part stays, and its line is among the lost.
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    this.#sizeBytes += bytes.length;
  }

  #open(): number {
    const { path } = this.#options;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    this.#fd = fd;
    this.#sizeBytes = fstatSync(fd).size;
    return fd;
  }

  #rotate(): void {
    this.close();
    const { maxFiles, path } = this.#options;
    // The reference never rotates when one file is allowed, and so never stops growing.
    if (maxFiles <= 1) rmSync(path, { force: true });
    for (let index = maxFiles - 1; index > 0; index -= 1) {
      try {
        renameSync(this.#name(index - 1), this.#name(index));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }

  #name(index: number): string {
    return index === 0 ? this.#options.path : `${this.#options.path}.${index}`;
  }
}

/** The end of a file from a line's beginning; undefined when there is none. */
async function readEnd(
  path: string,
  maxBytes: number,
): Promise<{ readonly text: string; readonly bytes: number; readonly whole: boolean } | undefined> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    if (size <= maxBytes) return { text: await readFile(file, 'utf8'), bytes: size, whole: true };
    const buffer = Buffer.alloc(maxBytes);
    const { bytesRead } = await file.read(buffer, 0, maxBytes, size - maxBytes);
    const text = buffer.toString('utf8', 0, bytesRead);
    return { text: text.slice(text.indexOf('\n') + 1), bytes: maxBytes, whole: false };
  } finally {
    await file.close();
  }
}

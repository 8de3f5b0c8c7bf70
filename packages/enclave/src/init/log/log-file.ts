// One log file of one service, rotated. Lines wait here while the disk is slow; when too many do, the oldest are dropped and
// counted, so that a full or dead disk costs lines and never holds up a service (R-I7). Errors are said once, until it works again.
import { appendFile, mkdir, open, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../clock.ts';

export interface LogFileOptions {
  readonly path: string;
  /** Bytes; a file that would grow past it is rotated first. */
  readonly maxBytes: number;
  /** With the one that is written: 1 keeps no old one. */
  readonly maxFiles: number;
  readonly clock: Clock;
  /** Once when writing fails, once when it works again. */
  readonly onTrouble: (trouble: { readonly error: Error | undefined; readonly lost: number }) => void;
  /** A line that says how many are missing, in the form of the file. */
  readonly formatGap: (lost: number) => string;
}

// Chosen.
const maxPendingCharacters = 262_144;
const retryMs = 5_000;

export class LogFile {
  readonly #options: LogFileOptions;
  #pending: string[] = [];
  #pendingCharacters = 0;
  /** Lines since the last gap was written. */
  #lost = 0;
  #sizeBytes: number | undefined;
  #failedAtMs: number | undefined;
  #work: Promise<void> | undefined;

  constructor(options: LogFileOptions) {
    this.#options = options;
  }

  /** Lines that are in no file and never will be, not yet told. */
  get lost(): number {
    return this.#lost;
  }

  /** Whole lines with their ends; returns at once. */
  write(lines: readonly string[]): void {
    for (const line of lines) {
      this.#pending.push(line);
      this.#pendingCharacters += line.length;
    }
    let dropped = 0;
    while (this.#pendingCharacters > maxPendingCharacters) {
      this.#pendingCharacters -= this.#pending[dropped]?.length ?? 0;
      dropped += 1;
    }
    if (dropped > 0) this.#pending.splice(0, dropped);
    this.#lost += dropped;
    this.#work ??= this.#drain();
  }

  /** Resolves when what was written before is in the file, or lost. */
  async flushed(): Promise<void> {
    while (this.#work !== undefined) await this.#work;
  }

  /** The newest text, at most `maxBytes`, from all files; begins with a whole line. */
  async readTail(maxBytes: number): Promise<string> {
    await this.flushed();
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

  async clear(): Promise<void> {
    this.#pending = [];
    this.#pendingCharacters = 0;
    await this.flushed();
    for (let index = 1; index < this.#options.maxFiles; index += 1) await rm(this.#name(index), { force: true });
    await truncate(this.#options.path).catch(ignoreAbsence);
    this.#sizeBytes = undefined;
    this.#lost = 0;
  }

  async #drain(): Promise<void> {
    // A tick, so that what arrives together is written together.
    await Promise.resolve();
    while (this.#pending.length > 0) await this.#writeBatch();
    this.#work = undefined;
  }

  async #writeBatch(): Promise<void> {
    const lines = this.#pending;
    this.#pending = [];
    this.#pendingCharacters = 0;
    const { clock, path, formatGap, onTrouble } = this.#options;
    if (this.#failedAtMs !== undefined && clock.now() - this.#failedAtMs < retryMs) {
      this.#lost += lines.length;
      return;
    }
    const gap = this.#lost;
    const text = (gap === 0 ? '' : formatGap(gap)) + lines.join('');
    try {
      await this.#makeRoom(Buffer.byteLength(text));
      await appendFile(path, text, { mode: 0o600 });
      this.#sizeBytes = (this.#sizeBytes ?? 0) + Buffer.byteLength(text);
      this.#lost -= gap;
      if (this.#failedAtMs !== undefined) onTrouble({ error: undefined, lost: gap });
      this.#failedAtMs = undefined;
    } catch (error) {
      this.#lost += lines.length;
      if (this.#failedAtMs === undefined) onTrouble({ error: error as Error, lost: this.#lost });
      this.#failedAtMs = clock.now();
      this.#sizeBytes = undefined;
    }
  }

  async #makeRoom(bytes: number): Promise<void> {
    const { path, maxBytes, maxFiles } = this.#options;
    if (this.#sizeBytes === undefined) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      this.#sizeBytes = await stat(path).then(
        ({ size }) => size,
        () => 0,
      );
    }
    if (this.#sizeBytes === 0 || this.#sizeBytes + bytes <= maxBytes) return;
    for (let index = maxFiles - 1; index > 0; index -= 1) {
      await rename(this.#name(index - 1), this.#name(index)).catch(ignoreAbsence);
    }
    // The reference never rotates when one file is allowed, and so never stops growing.
    if (maxFiles <= 1) await truncate(path).catch(ignoreAbsence);
    this.#sizeBytes = 0;
  }

  #name(index: number): string {
    return index === 0 ? this.#options.path : `${this.#options.path}.${index}`;
  }
}

function ignoreAbsence(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
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
    if (size <= maxBytes) {
      const text = await readFile(file, 'utf8');
      return { text, bytes: size, whole: true };
    }
    const buffer = Buffer.alloc(maxBytes);
    const { bytesRead } = await file.read(buffer, 0, maxBytes, size - maxBytes);
    const text = buffer.toString('utf8', 0, bytesRead);
    return { text: text.slice(text.indexOf('\n') + 1), bytes: maxBytes, whole: false };
  } finally {
    await file.close();
  }
}

// What a job has written, kept in two files of at most 1 MiB each: when the newer one is full it takes the older one's place. Bytes are counted from
// the job's first, so that a reader knows his place whatever was dropped meanwhile.
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';

// Chosen.
export const KEPT_FILE_BYTES = 1 << 20;
const pieceBytes = 32_768;
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants;

export class KeptOutput {
  readonly #path: string;
  #fd: number;
  /** Of the older file; undefined: there is none. */
  #oldFd: number | undefined;
  #newBytes: number;
  #oldBytes: number;
  #droppedBytes: number;
  readonly #listeners = new Set<() => void>();
  #isOver = false;

  /** Takes up what is there. */
  constructor(path: string, droppedBytes = 0) {
    this.#path = path;
    this.#droppedBytes = droppedBytes;
    const old = `${path}.1`;
    this.#oldFd = existsSync(old) ? openSync(old, O_RDWR | O_NOFOLLOW) : undefined;
    this.#oldBytes = this.#oldFd === undefined ? 0 : fstatSync(this.#oldFd).size;
    this.#fd = openSync(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
    this.#newBytes = statSync(path).size;
  }

  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  get endAt(): number {
    return this.#droppedBytes + this.#oldBytes + this.#newBytes;
  }

  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#newBytes >= KEPT_FILE_BYTES) this.#turn();
      const size = Math.min(bytes.length - at, KEPT_FILE_BYTES - this.#newBytes);
      const wrote = writeSync(this.#fd, bytes, at, size);
      this.#newBytes += wrote;
      at += wrote;
    }
    this.#tell();
  }

  /** Nothing more is written. */
  finish(): void {
    this.#isOver = true;
    this.#tell();
  }

  /** From the oldest byte that is kept; with `follow` to the end of the job, else to what is there now. */
  async *read(follow: boolean, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let at = this.#droppedBytes;
    const stopAt = follow ? Number.POSITIVE_INFINITY : this.endAt;
    while (!signal.aborted) {
      at = Math.max(at, this.#droppedBytes);
      const piece = this.#readAt(at, Math.min(pieceBytes, stopAt - at));
      if (piece.length > 0) {
        at += piece.length;
        yield piece;
      } else if (this.#isOver || at >= stopAt) return;
      else await this.#change(signal);
    }
  }

  close(): void {
    this.finish();
    closeSync(this.#fd);
    if (this.#oldFd !== undefined) closeSync(this.#oldFd);
  }

  #readAt(at: number, most: number): Uint8Array {
    const inOld = at - this.#droppedBytes;
    const isOld = inOld < this.#oldBytes;
    const from = isOld ? inOld : inOld - this.#oldBytes;
    const size = Math.max(0, Math.min(most, (isOld ? this.#oldBytes : this.#newBytes) - from));
    const piece = Buffer.allocUnsafe(size);
    const got = size === 0 ? 0 : readSync(isOld ? this.#oldFd! : this.#fd, piece, 0, size, from);
    return piece.subarray(0, got);
  }

  #turn(): void {
    if (this.#oldFd !== undefined) closeSync(this.#oldFd);
    this.#droppedBytes += this.#oldBytes;
    renameSync(this.#path, `${this.#path}.1`);
    this.#oldFd = this.#fd;
    this.#oldBytes = this.#newBytes;
    this.#fd = openSync(this.#path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
    this.#newBytes = 0;
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#listeners.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#listeners.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

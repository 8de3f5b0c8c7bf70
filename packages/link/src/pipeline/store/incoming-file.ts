// A file on its way to its final name. It is written beside it under a name of ours, checked, synced and renamed: under the final name stands
// the old file or the new one and nothing between (P-P5). What a transfer wants to go on with later is a part (part.ts).
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, fstatSync, ftruncateSync, futimesSync, readSync, writeSync } from 'node:fs';
import { LimitError, ParseError, VerificationError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { PipelineErrorCode } from '../error-code.ts';
import { withFault } from './fault.ts';
import { type Folder, syncDescriptor } from './folder.ts';
import { forgetPart, leavePart, type Part, takePart } from './part.ts';

export interface IncomingOptions {
  readonly sizeBytes: number;
  /** Bits above 0o777 are cleared: no file that runs as somebody else comes over the wall. */
  readonly mode: number;
  readonly mtimeMs: number;
  /** The part is kept when the transfer is cut off, and continued where there is one. */
  readonly resume: boolean;
}

// Chosen: at most this of a kept part is read at once; between the pieces others have their turn.
const pieceBytes = 1 << 20;
const zeros = Buffer.alloc(65_536);

export class IncomingFile {
  readonly #folder: Folder;
  readonly #name: string;
  readonly #temporary: string;
  /** Where what is written may be taken up later. */
  readonly #part: Part | undefined;
  readonly #options: IncomingOptions;
  readonly #fd: number;
  #hash: Hash = createHash('sha256');
  #writtenBytes = 0;
  #isOver = false;

  private constructor(folder: Folder, name: string, part: Part | undefined, options: IncomingOptions) {
    // With the process id of its writer, so that it can be swept (docs/wire/state.md).
    this.#temporary = part?.name ?? `.caisson-${process.pid}-${randomBytes(8).toString('hex')}`;
    this.#fd = part?.isKept === true ? folder.openOwnFile(this.#temporary) : folder.createFile(this.#temporary);
    this.#folder = folder.hold();
    this.#name = name;
    this.#part = part;
    this.#options = options;
  }

  /** Throws ParseError PIPELINE_KIND where a folder has the name. */
  static open(folder: Folder, name: string, options: IncomingOptions): IncomingFile {
    const path = folder.pathOf(name);
    const there = folder.stat(name);
    if (there?.isDirectory() === true) {
      throw new ParseError<PipelineErrorCode>('PIPELINE_KIND', `receive ${plain(path)}: a folder is in its place`);
    }
    const part = options.resume ? takePart(folder, { name, ...options }) : undefined;
    try {
      return new IncomingFile(folder, name, part, options);
    } catch (error) {
      if (part !== undefined) forgetPart(part);
      throw error;
    }
  }

  /** Bytes that are written and hashed. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /**
   * What a cut transfer has left, read again: nothing that lay there is believed. Gives its length and SHA-256; the caller asks the
   * sender whether his file begins like that, and calls `restart` when it does not.
   */
  async readKept(): Promise<{ readonly bytes: number; readonly sha256: Uint8Array }> {
    const size = Math.min(fstatSync(this.#fd).size, this.#options.sizeBytes);
    const buffer = Buffer.allocUnsafe(Math.min(pieceBytes, Math.max(size, 1)));
    while (this.#writtenBytes < size) {
      const got = readSync(this.#fd, buffer, 0, Math.min(buffer.length, size - this.#writtenBytes), this.#writtenBytes);
      if (got === 0) break;
      this.#hash.update(buffer.subarray(0, got));
      this.#writtenBytes += got;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { bytes: this.#writtenBytes, sha256: this.#hash.copy().digest() };
  }

  /** The part was of another file: it begins anew. */
  restart(): void {
    ftruncateSync(this.#fd, 0);
    this.#hash = createHash('sha256');
    this.#writtenBytes = 0;
  }

  /** Throws LimitError PIPELINE_FULL when the rest of the file has no room. A sparse file may have room though its length has none. */
  verifyRoom(isSparse: boolean): void {
    const needed = this.#options.sizeBytes - this.#writtenBytes;
    const free = isSparse ? Number.POSITIVE_INFINITY : this.#folder.freeBytes();
    if (needed <= free) return;
    throw new LimitError<PipelineErrorCode>(
      'PIPELINE_FULL',
      `receive ${plain(this.#folder.pathOf(this.#name))}: ${needed} bytes need room, got ${free}`,
      { hint: 'free space there; nothing of the file was kept' },
    );
  }

  write(bytes: Uint8Array): void {
    this.#grow(bytes.length);
    withFault('write', this.#folder.pathOf(this.#name), () => {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.#fd, bytes, done, bytes.length - done, this.#writtenBytes + done);
      }
    });
    this.#hash.update(bytes);
    this.#writtenBytes += bytes.length;
  }

  /** Bytes that are zero and need no room. */
  skip(bytes: number): void {
    this.#grow(bytes);
    for (let left = bytes; left > 0; left -= zeros.length)
      this.#hash.update(zeros.subarray(0, Math.min(left, zeros.length)));
    this.#writtenBytes += bytes;
  }

  /** Checks length and digest, and gives the file its name. Throws VerificationError PIPELINE_DIGEST; then nothing is left. */
  async commit(sha256: Uint8Array): Promise<void> {
    const { sizeBytes, mode, mtimeMs } = this.#options;
    const path = this.#folder.pathOf(this.#name);
    try {
      const got = this.#hash.digest();
      if (this.#writtenBytes !== sizeBytes || Buffer.compare(got, sha256) !== 0) {
        throw new VerificationError<PipelineErrorCode>(
          'PIPELINE_DIGEST',
          `receive ${plain(path)}: it must be ${sizeBytes} bytes with the sender's SHA-256, got ${this.#writtenBytes} bytes and another`,
        );
      }
      withFault('finish', path, () => {
        // A hole at the end was never written, and a part of a longer file may lie behind.
        if (fstatSync(this.#fd).size !== sizeBytes) ftruncateSync(this.#fd, sizeBytes);
        fchmodSync(this.#fd, mode & 0o777);
        futimesSync(this.#fd, mtimeMs / 1000, mtimeMs / 1000);
      });
      if (!this.#folder.isInMemory) await syncDescriptor(this.#fd, path);
      this.#folder.rename(this.#temporary, this.#name);
    } catch (error) {
      this.discard();
      throw error;
    }
    this.#close();
  }

  /** The transfer was cut: keeps the part when it is to be resumed and there is something to keep. */
  leave(): void {
    if (this.#isOver) return;
    if (this.#part === undefined || this.#writtenBytes === 0) {
      this.discard();
      return;
    }
    try {
      // Cuts off whatever lies behind the bytes that were hashed, so that a later reader sees the same.
      ftruncateSync(this.#fd, this.#writtenBytes);
      leavePart(this.#folder, this.#part);
    } finally {
      this.#close();
    }
  }

  /** Removes whatever was written. */
  discard(): void {
    if (this.#isOver) return;
    try {
      this.#folder.remove(this.#temporary);
    } finally {
      this.#close();
    }
  }

  #grow(bytes: number): void {
    if (this.#writtenBytes + bytes <= this.#options.sizeBytes) return;
    throw new ParseError<PipelineErrorCode>(
      'PIPELINE_RECORD',
      `receive ${plain(this.#folder.pathOf(this.#name))}: it must have ${this.#options.sizeBytes} bytes, got more`,
    );
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#part !== undefined) forgetPart(this.#part);
    closeSync(this.#fd);
    this.#folder.release();
  }
}

// The sending end of a copy: a plan, entry by entry. Where the receiver may have some of it (resume, checksum) entries run ahead of the
// contents, so that his answers are there when they are needed.
import { createHash, type Hash, hash } from 'node:crypto';
import { closeSync, fstatSync, read, readSync } from 'node:fs';
import { CaissonError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { PipelineErrorCode } from '../error-code.ts';
import { encodeUint64, parseUint64, RecordReader, RecordWriter, recordFault, recordType } from '../record.ts';
import { fileFault } from '../store/fault.ts';
import type { Folder } from '../store/folder.ts';
import { Walk } from '../store/walk.ts';
import type { ByteStream } from '../stream.ts';
import { type CopyEntry, encodeEntry } from './entry.ts';
import { type CopyPlan, markOf } from './plan.ts';
import { type CopyResult, parseResult } from './result.ts';

export interface SendOptions {
  /** The receiver says of each file what he has of it. */
  readonly compare: boolean;
  /** Each file's SHA-256 goes ahead, so that the same content is not sent again. */
  readonly checksum: boolean;
  /** Bytes of contents that have left or were not needed, all together. */
  readonly onProgress?: (bytes: number, file: CopyEntry) => void;
}

// Chosen.
const entriesAhead = 64;
const smallBytes = 65_536;
// Measured (bench/copy): above it a piece has left the cache before it is sent.
const pieceBytes = 262_144;
const zeroBlock = Buffer.alloc(65_536);
/** In place of a length: the receiver has the whole file. */
export const HAS_ALL = 2 ** 53 - 1;

/** Resolves with what the receiver says that he has made. Releases nothing of the plan. */
export async function sendCopy(plan: CopyPlan, stream: ByteStream, options: SendOptions): Promise<CopyResult> {
  const sender = new Sender(plan, stream, options);
  try {
    return await sender.run();
  } finally {
    sender.close();
  }
}

interface Opened {
  readonly entry: CopyEntry;
  readonly fd: number;
  readonly path: string;
  readonly mark: string;
}

class Sender {
  readonly #plan: CopyPlan;
  readonly #options: SendOptions;
  readonly #reader: RecordReader;
  readonly #writer: RecordWriter;
  readonly #walk: Walk;
  #sentBytes = 0;

  constructor(plan: CopyPlan, stream: ByteStream, options: SendOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#reader = new RecordReader(stream);
    this.#writer = new RecordWriter(stream);
    this.#walk = new Walk(plan.top, { make: false });
  }

  async run(): Promise<CopyResult> {
    const { entries } = this.#plan;
    const { compare } = this.#options;
    const announced: CopyEntry[] = [];
    for (let next = 0; next < entries.length || announced.length > 0; ) {
      while (next < entries.length && announced.length < (compare ? entriesAhead : 1)) {
        const entry = entries[next++]!;
        this.#writer.put(recordType.entry, encodeEntry(await this.#withDigest(entry)));
        if (entry.kind === 'file') announced.push(entry);
      }
      const file = announced.shift();
      if (file === undefined) break;
      await this.#sendFile(file, compare ? await this.#readHave() : undefined);
      await this.#writer.ready();
    }
    this.#writer.put(recordType.done, new Uint8Array());
    this.#writer.flush();
    await this.#writer.ready();
    const result = parseResult(await this.#reader.expect(recordType.result));
    // The enclave's end of its direction ends the request, so it waits for the last word; the other end may have ended it already.
    await this.#writer.end().catch(() => {});
    return result;
  }

  close(): void {
    this.#walk.close();
  }

  async #withDigest(entry: CopyEntry): Promise<CopyEntry> {
    if (!this.#options.checksum || entry.kind !== 'file') return entry;
    const file = this.#open(entry);
    try {
      const digest = createHash('sha256');
      await hashTo(file, digest, entry.sizeBytes);
      verifyMark(file);
      return { ...entry, sha256: digest.digest() };
    } finally {
      closeSync(file.fd);
    }
  }

  async #readHave(): Promise<Have> {
    this.#writer.flush();
    const body = await this.#reader.expect(recordType.have);
    if (body.length !== 40) throw recordFault('40 bytes', `${body.length}`);
    return { bytes: parseUint64(body.subarray(0, 8)), sha256: Uint8Array.from(body.subarray(8)) };
  }

  async #sendFile(entry: CopyEntry, have: Have | undefined): Promise<void> {
    if (have?.bytes === HAS_ALL) {
      this.#advance(entry, entry.sizeBytes);
      return;
    }
    const file = this.#open(entry);
    try {
      if (have === undefined && entry.sizeBytes <= smallBytes && !entry.isSparse) this.#sendSmall(file);
      else await this.#sendLarge(file, have);
    } finally {
      closeSync(file.fd);
    }
  }

  #open(entry: CopyEntry): Opened {
    const isTop = this.#plan.name !== null;
    const folder: Folder = isTop ? this.#plan.top : this.#walk.to(entry.path.slice(0, -1));
    const name = isTop ? this.#plan.name! : entry.path.at(-1)!;
    const path = folder.pathOf(name);
    const fd = folder.openFile(name);
    const file = { entry, fd, path, mark: markOf(fd, path) };
    if (fstatSync(fd).size === entry.sizeBytes) return file;
    closeSync(fd);
    throw changed(path);
  }

  #sendSmall(file: Opened): void {
    const { entry, fd } = file;
    const bytes = Buffer.allocUnsafe(entry.sizeBytes);
    for (let done = 0; done < bytes.length; ) {
      const got = readSync(fd, bytes, done, bytes.length - done, done);
      if (got === 0) throw changed(file.path);
      done += got;
    }
    verifyMark(file);
    if (bytes.length > 0) this.#writer.put(recordType.data, bytes);
    this.#writer.put(recordType.endOfFile, hash('sha256', bytes, 'buffer'));
    this.#advance(entry, bytes.length);
  }

  async #sendLarge(file: Opened, have: Have | undefined): Promise<void> {
    const { entry } = file;
    let digest = createHash('sha256');
    let from = 0;
    if (have !== undefined) {
      // A transfer continues the receiver's part only if the file begins with the same bytes.
      const isPart = have.bytes > 0 && have.bytes <= entry.sizeBytes;
      if (isPart) await hashTo(file, digest, have.bytes);
      if (isPart && Buffer.compare(digest.copy().digest(), have.sha256) === 0) from = have.bytes;
      else digest = createHash('sha256');
      this.#writer.put(recordType.have, encodeUint64(from));
      this.#advance(entry, from);
    }
    await readPieces(file, from, entry.sizeBytes, async (piece) => {
      digest.update(piece);
      if (entry.isSparse) this.#putSparse(piece);
      else this.#writer.put(recordType.data, piece);
      await this.#writer.ready();
      this.#advance(entry, piece.length);
    });
    verifyMark(file);
    this.#writer.put(recordType.endOfFile, digest.digest());
  }

  /** Blocks of zeros as holes. */
  #putSparse(piece: Buffer): void {
    for (let at = 0; at < piece.length; ) {
      const isHole = isZero(piece, at);
      let end = at;
      while (end < piece.length && isZero(piece, end) === isHole) end += zeroBlock.length;
      end = Math.min(end, piece.length);
      if (isHole) this.#writer.put(recordType.hole, encodeUint64(end - at));
      else this.#writer.put(recordType.data, piece.subarray(at, end));
      at = end;
    }
  }

  #advance(entry: CopyEntry, bytes: number): void {
    this.#sentBytes += bytes;
    this.#options.onProgress?.(this.#sentBytes, entry);
  }
}

interface Have {
  readonly bytes: number;
  readonly sha256: Uint8Array;
}

function isZero(piece: Buffer, at: number): boolean {
  const end = Math.min(at + zeroBlock.length, piece.length);
  return piece.compare(zeroBlock, 0, end - at, at, end) === 0;
}

/** While a piece is hashed and sent the next one is read. */
async function readPieces(
  file: Opened,
  from: number,
  to: number,
  take: (piece: Buffer) => Promise<void> | void,
): Promise<void> {
  const readAt = (at: number): Promise<Buffer> => {
    const piece = readPiece(file, at, Math.min(pieceBytes, to - at));
    // Heard when its turn comes.
    piece.catch(() => {});
    return piece;
  };
  let next = from < to ? readAt(from) : undefined;
  try {
    for (let at = from; next !== undefined; ) {
      const piece = await next;
      next = undefined;
      at += piece.length;
      if (at < to) next = readAt(at);
      await take(piece);
    }
  } finally {
    // The descriptor is its reader's until it has read.
    await next?.catch(() => {});
  }
}

function readPiece({ fd, path }: Opened, at: number, length: number): Promise<Buffer> {
  // Given away with its bytes, so each has memory of its own.
  const buffer = Buffer.allocUnsafeSlow(length);
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, length, at, (error, got) => {
      if (error !== null) reject(fileFault(error, 'read', path));
      else if (got === 0) reject(changed(path));
      else resolve(buffer.subarray(0, got));
    });
  });
}

async function hashTo(file: Opened, digest: Hash, bytes: number): Promise<void> {
  await readPieces(file, 0, bytes, (piece) => void digest.update(piece));
}

function verifyMark({ fd, path, mark }: Opened): void {
  if (markOf(fd, path) !== mark) throw changed(path);
}

function changed(path: string): CaissonError<PipelineErrorCode> {
  return new CaissonError('PIPELINE_CHANGED', `copy ${plain(path)}: it was written to meanwhile`, {
    hint: 'copy it again when nobody writes to it',
  });
}

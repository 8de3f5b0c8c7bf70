// The receiving end of a copy: each file is whole and under its name, or not there; the rest of the tree is what has come. Used by the
// enclave for what an operator sends and by the operator for what an enclave sends, which is to be believed as little.
import { fchmodSync, futimesSync } from 'node:fs';
import { LimitError } from '@caisson/core/errors';
import type { PipelineErrorCode } from '../error-code.ts';
import {
  encodeUint64,
  lost,
  parseUint64,
  type RecordPiece,
  RecordReader,
  RecordWriter,
  recordFault,
  recordType,
} from '../record.ts';
import { digestFile } from '../store/digest-file.ts';
import { withFault } from '../store/fault.ts';
import type { Folder } from '../store/folder.ts';
import { IncomingFile } from '../store/incoming-file.ts';
import { comparePaths } from '../store/name.ts';
import { sweepFolder } from '../store/sweep.ts';
import { Walk } from '../store/walk.ts';
import type { ByteStream } from '../stream.ts';
import { type CopyEntry, parseEntry } from './entry.ts';
import { MAX_ENTRIES } from './plan.ts';
import { type CopyResult, encodeResult } from './result.ts';
import { HAS_ALL } from './send.ts';
import { type CopyTarget, nameOfFile } from './target.ts';

export interface ReceiveOptions {
  /** As the request says: whether entries run ahead and are answered. */
  readonly compare: boolean;
  /** Parts of a cut transfer are kept and taken up. */
  readonly resume: boolean;
  /** Contents decide what is there already, not length and time. */
  readonly checksum: boolean;
  readonly onProgress?: (bytes: number, entry: CopyEntry) => void;
}

// Chosen: files that wait for the disk at once.
const maxCommits = 32;
const maxAnnounced = 64;

/** Releases nothing of the target. Rejects with what is wrong; then every file that was not whole is gone, or kept as a part for `resume`. */
export async function receiveCopy(
  stream: ByteStream,
  target: CopyTarget,
  options: ReceiveOptions,
): Promise<CopyResult> {
  const receiver = new Receiver(stream, target, options);
  try {
    return await receiver.run();
  } catch (error) {
    await receiver.abandon(error);
    throw error;
  } finally {
    receiver.close();
  }
}

interface Announced {
  readonly entry: CopyEntry;
  readonly file: IncomingFile;
}

class Receiver {
  readonly #target: CopyTarget;
  readonly #options: ReceiveOptions;
  readonly #reader: RecordReader;
  readonly #writer: RecordWriter;
  readonly #swept = new Set<string>();
  readonly #announced: Announced[] = [];
  readonly #commits = new Set<Promise<void>>();
  readonly #folders: CopyEntry[] = [];
  #top: Folder | undefined;
  #walk: Walk | undefined;
  #previous: readonly string[] | undefined;
  #entries = 0;
  #commitError: unknown;
  /** The sender has said from where the file in hand goes on. */
  #isBegun = false;
  readonly #result = { files: 0, bytes: 0, skippedFiles: 0, resumedBytes: 0 };

  constructor(stream: ByteStream, target: CopyTarget, options: ReceiveOptions) {
    this.#target = target;
    this.#options = options;
    this.#reader = new RecordReader(stream);
    this.#writer = new RecordWriter(stream);
  }

  async run(): Promise<CopyResult> {
    for (;;) {
      const next = this.#reader.next();
      const piece = next instanceof Promise ? await next : next;
      if (piece === undefined) throw lost();
      if (piece.type === recordType.done) break;
      const wait = this.#take(piece);
      if (wait !== undefined) await wait;
      if (this.#commitError !== undefined) throw this.#commitError;
    }
    if (this.#announced.length > 0 || this.#entries === 0)
      throw recordFault('contents of every file before its end', 'an end');
    await Promise.all(this.#commits);
    if (this.#commitError !== undefined) throw this.#commitError;
    await this.#finishFolders();
    this.#writer.put(recordType.result, encodeResult(this.#result));
    await this.#writer.end();
    return this.#result;
  }

  async abandon(error: unknown): Promise<void> {
    const isFull = (error as { code?: string }).code === 'PIPELINE_FULL';
    for (const { file } of this.#announced) {
      if (isFull) file.discard();
      else file.leave();
    }
    await Promise.allSettled(this.#commits);
  }

  close(): void {
    this.#walk?.close();
    this.#top?.release();
  }

  #take({ type, body, more }: RecordPiece): Promise<void> | undefined {
    if (type === recordType.data) {
      this.#current().file.write(body);
      this.#advance(body.length);
      return undefined;
    }
    if (more) throw recordFault('a type that a copy has', `type ${type}`);
    if (type === recordType.entry) return this.#takeEntry(parseEntry(Uint8Array.from(body)));
    if (type === recordType.endOfFile) return this.#endFile(body);
    if (type === recordType.hole) {
      const bytes = parseUint64(body);
      if (bytes > 1 << 20) throw recordFault('a hole of at most 1048576 bytes', `${bytes}`);
      this.#current().file.skip(bytes);
      this.#advance(bytes);
      return undefined;
    }
    if (type === recordType.have && this.#options.compare) {
      this.#begin(parseUint64(body));
      return undefined;
    }
    throw recordFault('a type that a copy has', `type ${type}`);
  }

  /** The file whose contents come now. */
  #current(): Announced {
    const first = this.#announced[0];
    if (first === undefined) throw recordFault('an entry before contents', 'none');
    if (this.#options.compare && !this.#isBegun) throw recordFault('a beginning before contents', 'none');
    return first;
  }

  #begin(bytes: number): void {
    const first = this.#announced[0];
    if (first === undefined || this.#isBegun) throw recordFault('an entry before a beginning', 'none');
    const has = first.file.writtenBytes;
    if (bytes !== 0 && bytes !== has) throw recordFault(`a beginning at 0 or ${has}`, `${bytes}`);
    if (bytes === 0) first.file.restart();
    this.#result.resumedBytes += bytes;
    this.#advance(bytes);
    this.#isBegun = true;
    first.file.verifyRoom(first.entry.isSparse);
  }

  #takeEntry(entry: CopyEntry): Promise<void> | undefined {
    this.#entries += 1;
    if (this.#entries > MAX_ENTRIES) {
      throw new LimitError<PipelineErrorCode>(
        'PIPELINE_LIMIT',
        `copy must have at most ${MAX_ENTRIES} entries, got more`,
      );
    }
    if (this.#previous !== undefined && comparePaths(this.#previous, entry.path) >= 0) {
      throw recordFault('entries in order, each once', entry.path.join('/'));
    }
    this.#previous = entry.path;
    if (this.#entries === 1) return this.#takeTop(entry);
    if (this.#walk === undefined || entry.path.length === 0) throw recordFault('one entry for a single file', 'more');
    const folder = this.#walk.to(entry.path.slice(0, -1));
    const name = entry.path.at(-1)!;
    if (entry.kind === 'folder') {
      const made = folder.makeFolder(name);
      // Not a link, not a file that was there before.
      if (!made) folder.child(name).release();
      if (made) this.#folders.push(entry);
      return undefined;
    }
    if (entry.kind === 'link') {
      this.#makeLink(folder, name, entry);
      return undefined;
    }
    return this.#takeFile(folder, name, entry);
  }

  #takeTop(entry: CopyEntry): Promise<void> | undefined {
    if (entry.path.length > 0 || entry.kind === 'link') throw recordFault('the top as first entry', 'another');
    const { folder, name } = this.#target;
    if (entry.kind === 'file') return this.#takeFile(folder, nameOfFile(this.#target), entry);
    if (name !== null && folder.makeFolder(name)) this.#folders.push(entry);
    this.#top = name === null ? folder.hold() : folder.child(name);
    this.#walk = new Walk(this.#top, { make: false });
    return undefined;
  }

  #takeFile(folder: Folder, name: string, entry: CopyEntry): Promise<void> | undefined {
    this.#sweep(folder);
    if (this.#options.compare) return this.#answer(folder, name, entry);
    if (this.#announced.length > 0) throw recordFault('contents of the file before the next entry', 'an entry');
    const file = IncomingFile.open(folder, name, { ...entry, resume: this.#options.resume });
    this.#announced.push({ entry, file });
    // A small one meets the end of the room when it is written; asking costs as much as writing it.
    if (entry.sizeBytes > 1 << 20) file.verifyRoom(entry.isSparse);
    return undefined;
  }

  async #answer(folder: Folder, name: string, entry: CopyEntry): Promise<void> {
    if (this.#announced.length >= maxAnnounced) throw recordFault(`at most ${maxAnnounced} entries ahead`, 'more');
    if (await this.#hasAll(folder, name, entry)) {
      this.#result.skippedFiles += 1;
      this.#result.files += 1;
      this.#advance(entry.sizeBytes);
      this.#writer.put(recordType.have, Buffer.concat([encodeUint64(HAS_ALL), Buffer.alloc(32)]));
    } else {
      const file = IncomingFile.open(folder, name, { ...entry, resume: this.#options.resume });
      this.#announced.push({ entry, file });
      const { bytes, sha256 } = await file.readKept();
      this.#writer.put(recordType.have, Buffer.concat([encodeUint64(bytes), sha256]));
    }
    this.#writer.flush();
    await this.#writer.ready();
  }

  async #hasAll(folder: Folder, name: string, { sizeBytes, mtimeMs, sha256 }: CopyEntry): Promise<boolean> {
    const there = folder.stat(name);
    if (there?.isFile() !== true || there.size !== sizeBytes) return false;
    // File systems keep times in steps of their own.
    if (!this.#options.checksum) return Math.abs(there.mtimeMs - mtimeMs) < 2;
    return sha256 !== null && Buffer.compare(await digestFile(folder, name), sha256) === 0;
  }

  #makeLink(folder: Folder, name: string, entry: CopyEntry): void {
    const there = folder.stat(name);
    if (there?.isSymbolicLink() === true) {
      if (folder.readLink(name) === entry.target) return;
      folder.remove(name);
    }
    folder.link(name, entry.target);
    folder.setTimesOfLink(name, entry.mtimeMs / 1000);
  }

  #endFile(sha256: Uint8Array): Promise<void> | undefined {
    if (sha256.length !== 32) throw recordFault('32 bytes of SHA-256', `${sha256.length}`);
    const { file } = this.#current();
    this.#announced.shift();
    this.#isBegun = false;
    this.#result.files += 1;
    const commit = file.commit(Uint8Array.from(sha256)).catch((error: unknown) => {
      this.#commitError ??= error;
    });
    this.#commits.add(commit);
    void commit.then(() => this.#commits.delete(commit));
    return this.#commits.size < maxCommits ? undefined : Promise.race(this.#commits);
  }

  #advance(bytes: number): void {
    this.#result.bytes += bytes;
    const { onProgress } = this.#options;
    const entry = this.#announced[0]?.entry;
    if (onProgress !== undefined && entry !== undefined) onProgress(this.#result.bytes, entry);
  }

  #sweep(folder: Folder): void {
    if (this.#swept.has(folder.path)) return;
    this.#swept.add(folder.path);
    sweepFolder(folder);
  }

  /** Modes and times of folders last: what is put into a folder changes its time, and a mode may forbid it. */
  async #finishFolders(): Promise<void> {
    if (this.#walk === undefined) {
      await this.#target.folder.sync();
      return;
    }
    for (const { path, mode, mtimeMs } of this.#folders.reverse()) {
      const folder = this.#walk.to(path);
      withFault('finish folder', folder.path, () => {
        fchmodSync(folder.fd, mode);
        futimesSync(folder.fd, mtimeMs / 1000, mtimeMs / 1000);
      });
      await folder.sync();
    }
    await this.#top?.sync();
    await this.#target.folder.sync();
  }
}

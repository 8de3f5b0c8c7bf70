// A folder as a descriptor, and everything below it reached one name at a time through /proc/self/fd with O_NOFOLLOW. Whoever swaps
// folders and links in the tree meanwhile can make an opening fail, but not lead it outside: no path of more than one name is ever
// handed to the kernel (T-P3: 0 escapes where a check before an open had 38,707).
import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  type Stats,
  statfsSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { CaissonError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { PipelineErrorCode } from '../error-code.ts';
import { errnoOf, fileFault, withFault } from './fault.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
// Given: linux/magic.h. What lies in memory has nothing to sync.
const memoryTypes = new Set([0x01021994, 0x858458f6]);

export class Folder {
  /** For messages only. */
  readonly path: string;
  readonly #fd: number;
  #holders = 1;
  #isInMemory: boolean | undefined;

  private constructor(fd: number, path: string) {
    this.#fd = fd;
    this.path = path;
  }

  /** `path` is ours: links on the way to it are followed. Throws what the file system says. */
  static open(path: string): Folder {
    return withFault('open folder', path, () => new Folder(openSync(path, O_RDONLY | O_DIRECTORY), path));
  }

  /** One step down. Throws PIPELINE_LINK, PIPELINE_KIND, PIPELINE_MISSING. */
  child(name: string): Folder {
    const path = this.pathOf(name);
    try {
      return new Folder(openSync(this.#at(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOTDIR') throw fileFault(error, 'open folder', path);
      const isLink = this.stat(name)?.isSymbolicLink() === true;
      throw new CaissonError<PipelineErrorCode>(
        isLink ? 'PIPELINE_LINK' : 'PIPELINE_KIND',
        `open folder ${plain(path)}: it is ${isLink ? 'a link' : 'no folder'}`,
        { cause: error },
      );
    }
  }

  /** False: something has the name already. */
  makeFolder(name: string): boolean {
    try {
      mkdirSync(this.#at(name), { mode: 0o755 });
      return true;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw fileFault(error, 'make folder', this.pathOf(name));
      return false;
    }
  }

  /** Not through a link; undefined: nothing is there. */
  stat(name: string): Stats | undefined {
    return withFault('look at', this.pathOf(name), () => lstatSync(this.#at(name), { throwIfNoEntry: false }));
  }

  own(): Stats {
    return fstatSync(this.#fd);
  }

  /** Descriptor of a regular file, its caller's to close. Throws PIPELINE_KIND for anything else: a FIFO would hold the reader for ever. */
  openFile(name: string): number {
    const path = this.pathOf(name);
    const fd = withFault('open', path, () => openSync(this.#at(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
    throw new CaissonError<PipelineErrorCode>('PIPELINE_KIND', `open ${plain(path)}: it is no regular file`);
  }

  /** A new file that was not there. */
  createFile(name: string): number {
    const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    return withFault('create', this.pathOf(name), () => openSync(this.#at(name), flags, 0o600));
  }

  /** A file of ours that was kept. */
  openOwnFile(name: string): number {
    return withFault('open', this.pathOf(name), () => openSync(this.#at(name), O_RDWR | O_NOFOLLOW | O_NONBLOCK));
  }

  rename(from: string, to: string): void {
    withFault('rename to', this.pathOf(to), () => renameSync(this.#at(from), this.#at(to)));
  }

  remove(name: string): void {
    try {
      unlinkSync(this.#at(name));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw fileFault(error, 'remove', this.pathOf(name));
    }
  }

  link(name: string, target: string): void {
    withFault('link', this.pathOf(name), () => symlinkSync(target, this.#at(name)));
  }

  readLink(name: string): string {
    return withFault('read link', this.pathOf(name), () => readlinkSync(this.#at(name)));
  }

  setTimesOfLink(name: string, atSeconds: number): void {
    withFault('set times of', this.pathOf(name), () => lutimesSync(this.#at(name), atSeconds, atSeconds));
  }

  /** Raw names: what is no UTF-8 must be noticed and not replaced. */
  names(): Buffer[] {
    return withFault('list', this.path, () => readdirSync(`/proc/self/fd/${this.#fd}`, { encoding: 'buffer' }));
  }

  /** Bytes that may still be written there. */
  freeBytes(): number {
    const { bavail, bsize, blocks } = statfsSync(`/proc/self/fd/${this.#fd}`);
    // A file system that has no count of its blocks (ramfs, the root of an enclave) has no bound of its own either.
    return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
  }

  get isInMemory(): boolean {
    this.#isInMemory ??= memoryTypes.has(statfsSync(`/proc/self/fd/${this.#fd}`).type);
    return this.#isInMemory;
  }

  /** Makes changes to its names durable. */
  async sync(): Promise<void> {
    if (!this.isInMemory) await syncDescriptor(this.#fd, this.path);
  }

  /** The same for every way to this folder. */
  get identity(): string {
    const { dev, ino } = fstatSync(this.#fd);
    return `${dev}:${ino}`;
  }

  /** The descriptor itself, for its mode and times. */
  get fd(): number {
    return this.#fd;
  }

  pathOf(name: string): string {
    return this.path === '/' ? `/${name}` : `${this.path}/${name}`;
  }

  /** Adds an owner, who will release it too. */
  hold(): this {
    this.#holders += 1;
    return this;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) closeSync(this.#fd);
  }

  #at(name: string): string {
    return `/proc/self/fd/${this.#fd}/${name}`;
  }
}

export function syncDescriptor(fd: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    fsync(fd, (error) => (error === null ? resolve() : reject(fileFault(error, 'sync', path))));
  });
}

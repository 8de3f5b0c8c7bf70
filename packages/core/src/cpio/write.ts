// Writes a ramdisk: newc, the same bytes for the same entries whatever order they come in, piece by piece so that a large
// file is never in memory. Refuses what the kernel would skip without a word while it unpacks (init/initramfs.c): a missing
// parent, a long name, an entry twice. An image that lacks a file must be a failed build, not a strange boot.
import { toUtf8 } from '../bytes/index.ts';
import { LimitError, PolicyError } from '../errors/index.ts';
import type { CpioEntry, CpioSource } from './entry.ts';
import { faultOfPath, kindBits, maxFileBytes, maxNameBytes, trailerName } from './entry.ts';
import type { CpioErrorCode } from './error-code.ts';
import { formatHeader, headerBytes, paddingOf } from './header.ts';

// Given: MINORBITS of Linux's kdev_t.h.
const maxMajor = 0xfff;
const maxMinor = 0xfffff;

interface Ordered {
  readonly entry: CpioEntry;
  readonly name: Uint8Array;
  readonly body: Uint8Array | CpioSource;
}

export interface CpioArchive {
  /** Bytes of the whole archive; a multiple of four, so that archives can follow each other. */
  readonly size: number;
  /** The archive from its beginning, as often as wanted. Throws LimitError CPIO_SIZE when a source is not as long as it said. */
  open(): AsyncGenerator<Uint8Array, void, undefined>;
}

/**
 * Checks and orders the entries. Throws PolicyError CPIO_NAME, CPIO_PARENT, CPIO_DUPLICATE, CPIO_HEADER (a number out of range)
 * and LimitError CPIO_LIMIT (a file of 4 GiB or more, a link target too long).
 */
export function createCpio(entries: Iterable<CpioEntry>): CpioArchive {
  const ordered = [...entries].map(prepare).sort((left, right) => compareBytes(left.name, right.name));
  verifyTree(ordered);
  const size = ordered.reduce((sum, one) => sum + sizeOf(one), 0) + align(headerBytes + trailerName.length + 1);
  return {
    size,
    async *open() {
      for (const [index, one] of ordered.entries()) yield* formatEntry(one, index + 1);
      yield formatLead(toUtf8(trailerName), { ino: 0, mode: 0, fileSize: 0 });
    },
  };
}

function prepare(entry: CpioEntry): Ordered {
  const name = toUtf8(entry.path);
  const fault = faultOfPath(entry.path, name.length);
  if (fault !== undefined) throw new PolicyError<CpioErrorCode>(fault.code, fault.message);
  const range = (field: string, value: number, max: number): void => {
    if (Number.isInteger(value) && value >= 0 && value <= max) return;
    const message = `cpio entry ${entry.path}: ${field} must be an integer in 0..${max}, got ${value}`;
    throw new PolicyError<CpioErrorCode>('CPIO_HEADER', message);
  };
  range('mode', entry.mode, 0o7777);
  range('uid', entry.uid ?? 0, 0xffffffff);
  range('gid', entry.gid ?? 0, 0xffffffff);
  range('mtime', entry.mtime ?? 0, 0xffffffff);
  if (entry.kind === 'character' || entry.kind === 'block') {
    range('major', entry.major, maxMajor);
    range('minor', entry.minor, maxMinor);
  }
  const body = bodyOf(entry);
  const [length, max] = [lengthOf(body), entry.kind === 'symlink' ? maxNameBytes - 1 : maxFileBytes];
  if (length > max || (entry.kind === 'symlink' && length === 0)) {
    const what = entry.kind === 'symlink' ? 'link target must have 1..' : 'file must have at most ';
    throw new LimitError<CpioErrorCode>('CPIO_LIMIT', `cpio entry ${entry.path}: ${what}${max} bytes, got ${length}`);
  }
  return { entry, name, body };
}

function bodyOf(entry: CpioEntry): Uint8Array | CpioSource {
  if (entry.kind === 'file') return entry.content;
  return entry.kind === 'symlink' ? toUtf8(entry.target) : new Uint8Array(0);
}

/** Bytewise order puts a folder before what is in it, because its name is a prefix of theirs. */
function verifyTree(ordered: readonly Ordered[]): void {
  const folders = new Set<string>();
  let last: string | undefined;
  for (const { entry } of ordered) {
    const { path } = entry;
    if (path === last) {
      throw new PolicyError<CpioErrorCode>('CPIO_DUPLICATE', `cpio entry ${path} must stand once in an archive`);
    }
    last = path;
    const slash = path.lastIndexOf('/');
    if (slash >= 0 && !folders.has(path.slice(0, slash))) {
      const message = `cpio entry ${path} must have its parent folder ${path.slice(0, slash)} in the archive`;
      throw new PolicyError<CpioErrorCode>('CPIO_PARENT', message);
    }
    if (entry.kind === 'directory') folders.add(path);
  }
}

async function* formatEntry({ entry, name, body }: Ordered, ino: number): AsyncGenerator<Uint8Array> {
  const fileSize = lengthOf(body);
  const device = entry.kind === 'character' || entry.kind === 'block';
  yield formatLead(name, {
    ino,
    mode: kindBits[entry.kind] | entry.mode,
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
    mtime: entry.mtime ?? 0,
    fileSize,
    rdevMajor: device ? entry.major : 0,
    rdevMinor: device ? entry.minor : 0,
  });
  if (body instanceof Uint8Array) {
    if (fileSize > 0) yield body;
  } else {
    let seen = 0;
    for await (const chunk of body.open()) {
      seen += chunk.length;
      if (seen > fileSize) throw sizeFault(entry.path, fileSize, 'more');
      yield chunk;
    }
    if (seen < fileSize) throw sizeFault(entry.path, fileSize, String(seen));
  }
  if (paddingOf(fileSize) > 0) yield new Uint8Array(paddingOf(fileSize));
}

/** Header, name and their padding. */
function formatLead(
  name: Uint8Array,
  known: { ino: number; mode: number; fileSize: number } & Partial<Parameters<typeof formatHeader>[0]>,
): Uint8Array {
  const lead = new Uint8Array(align(headerBytes + name.length + 1));
  const zero = { uid: 0, gid: 0, mtime: 0, devMajor: 0, devMinor: 0, rdevMajor: 0, rdevMinor: 0, check: 0 };
  lead.set(formatHeader({ ...zero, nlink: 1, ...known, nameSize: name.length + 1 }));
  lead.set(name, headerBytes);
  return lead;
}

function sizeOf({ name, body }: Ordered): number {
  return align(headerBytes + name.length + 1) + align(lengthOf(body));
}

function lengthOf(body: Uint8Array | CpioSource): number {
  return body instanceof Uint8Array ? body.length : body.size;
}

function align(length: number): number {
  return length + paddingOf(length);
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const shared = Math.min(left.length, right.length);
  for (let index = 0; index < shared; index += 1) {
    if (left[index] !== right[index]) return left[index]! - right[index]!;
  }
  return left.length - right.length;
}

function sizeFault(path: string, size: number, got: string): LimitError<CpioErrorCode> {
  return new LimitError('CPIO_SIZE', `cpio entry ${path}: its source must yield ${size} bytes, got ${got}`);
}

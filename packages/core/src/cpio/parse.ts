// Reads one newc archive from memory, strictly: what could mean two things to two readers is refused. Names that leave the
// tree (absolute, `..`), entries twice, hard links, non-zero padding, and anything after the trailer but zeros.
// Contents are views of the input, so nothing is allocated that the input did not pay for.
import { utf8Text } from '../bytes/index.ts';
import { LimitError, ParseError } from '../errors/index.ts';
import type { CpioEntry } from './entry.ts';
import { faultOfPath, kindOfBits, maxNameBytes, trailerName } from './entry.ts';
import { type CpioErrorCode, fault } from './error-code.ts';
import type { CpioHeader } from './header.ts';
import { entryAt, headerBytes, paddingOf, parseHeader } from './header.ts';

export interface CpioLimits {
  /** Default 1,000,000. */
  readonly maxEntries?: number;
}

export type ParsedCpioEntry = CpioEntry<Uint8Array> & {
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
};

/** Entries in the order of the archive. Throws ParseError CPIO_* and LimitError CPIO_LIMIT. */
export function parseCpio(bytes: Uint8Array, limits: CpioLimits = {}): ParsedCpioEntry[] {
  const maxEntries = limits.maxEntries ?? 1_000_000;
  const entries: ParsedCpioEntry[] = [];
  const seen = new Set<string>();
  let offset = 0;
  for (;;) {
    const start = offset;
    const header = parseHeader(take(headerBytes, 'header'), start);
    if (header.nameSize < 1 || header.nameSize > maxNameBytes) {
      throw fault('CPIO_HEADER', `${entryAt(start)}: nameSize must be in 1..${maxNameBytes}, got ${header.nameSize}`);
    }
    const path = parseName(take(header.nameSize, 'name'), start);
    takePadding(headerBytes + header.nameSize);
    if (path === trailerName) {
      if (header.fileSize !== 0)
        throw fault('CPIO_SIZE', `${entryAt(start)}: the trailer must be empty, got ${header.fileSize} bytes`);
      break;
    }
    if (entries.length >= maxEntries) {
      throw new LimitError<CpioErrorCode>(
        'CPIO_LIMIT',
        `cpio archive must have at most ${maxEntries} entries, got more`,
      );
    }
    const body = take(header.fileSize, path);
    takePadding(header.fileSize);
    const nameFault = faultOfPath(path, header.nameSize - 1);
    if (nameFault !== undefined) throw fault(nameFault.code, `${entryAt(start)}: ${nameFault.message}`);
    if (seen.has(path)) throw fault('CPIO_DUPLICATE', `${entryAt(start)}: ${path} must stand once in an archive`);
    seen.add(path);
    entries.push(parseEntry(path, header, body, start));
  }
  // mkinitramfs and GNU cpio fill up to a block; the kernel skips zeros between archives.
  const stray = bytes.subarray(offset).findIndex((byte) => byte !== 0);
  if (stray >= 0)
    throw fault('CPIO_TRAILING', `cpio archive must end at offset ${offset}, got data at ${offset + stray}`);
  return entries;

  function take(length: number, what: string): Uint8Array {
    const left = bytes.length - offset;
    if (length > left) {
      throw fault('CPIO_TRUNCATED', `cpio ${what} at offset ${offset} must have ${length} bytes, got ${left}`);
    }
    offset += length;
    return bytes.subarray(offset - length, offset);
  }

  function takePadding(length: number): void {
    const where = offset;
    if (take(paddingOf(length), 'padding').some((byte) => byte !== 0)) {
      throw fault('CPIO_PADDING', `cpio padding at offset ${where} must be zero`);
    }
  }
}

function parseName(bytes: Uint8Array, start: number): string {
  if (bytes.indexOf(0) !== bytes.length - 1)
    throw fault('CPIO_NAME', `${entryAt(start)}: name must end with its only NUL`);
  try {
    return utf8Text(bytes.subarray(0, -1));
  } catch (cause) {
    throw new ParseError<CpioErrorCode>('CPIO_NAME', `${entryAt(start)}: name must be UTF-8`, { cause });
  }
}

function parseEntry(path: string, header: CpioHeader, body: Uint8Array, start: number): ParsedCpioEntry {
  const kind = kindOfBits.get(header.mode & ~0o7777);
  if (kind === undefined)
    throw fault(
      'CPIO_KIND',
      `${entryAt(start)}: mode of ${path} must be of a known kind, got 0o${header.mode.toString(8)}`,
    );
  // Folders count their subfolders; more than one name for a file is a hard link, whose content stands elsewhere.
  if (kind !== 'directory' && header.nlink !== 1) {
    throw fault('CPIO_LINK', `${entryAt(start)}: ${path} must have one link, got ${header.nlink}`);
  }
  if (kind !== 'file' && kind !== 'symlink' && body.length > 0) {
    throw fault('CPIO_SIZE', `${entryAt(start)}: ${kind} ${path} must have no content, got ${body.length} bytes`);
  }
  const { uid, gid, mtime } = header;
  const described = { path, mode: header.mode & 0o7777, uid, gid, mtime };
  switch (kind) {
    case 'file':
      return { ...described, kind, content: body };
    case 'symlink':
      return { ...described, kind, target: parseTarget(path, body, start) };
    case 'character':
    case 'block':
      return { ...described, kind, major: header.rdevMajor, minor: header.rdevMinor };
    default:
      return { ...described, kind };
  }
}

function parseTarget(path: string, body: Uint8Array, start: number): string {
  if (body.length < 1 || body.length >= maxNameBytes || body.includes(0)) {
    throw fault(
      'CPIO_LINK',
      `${entryAt(start)}: link target of ${path} must have 1..${maxNameBytes - 1} bytes and no NUL, got ${body.length} bytes`,
    );
  }
  try {
    return utf8Text(body);
  } catch (cause) {
    throw new ParseError<CpioErrorCode>('CPIO_LINK', `${entryAt(start)}: link target of ${path} must be UTF-8`, {
      cause,
    });
  }
}

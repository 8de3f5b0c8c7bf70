// Reads newc archives as they come, one after another as the kernel does, for looking at ramdisks that others made: nothing is held but
// one header. What a writer may do and ours does not (hard links, owners, folders twice) is shown; a name that could lead out
// of the tree is shown with its fault, and what cannot be followed any further is an error.
import { type SkippableChunks, utf8Text } from '../bytes/index.ts';
import { LimitError } from '../errors/index.ts';
import type { CpioKind } from './entry.ts';
import { faultOfPath, kindOfBits, maxNameBytes, trailerName } from './entry.ts';
import { type CpioErrorCode, fault } from './error-code.ts';
import { entryAt, headerBytes, paddingOf, parseHeader } from './header.ts';
import { CpioInput } from './input.ts';

export interface StreamedCpioEntry {
  /** As in the archive, with U+FFFD for what is not UTF-8. */
  readonly path: string;
  /** Why this path may not be written anywhere; undefined when it may. */
  readonly fault: { readonly code: CpioErrorCode; readonly message: string } | undefined;
  readonly kind: CpioKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Unix seconds. */
  readonly mtime: number;
  /** Names of one file share it: `major:minor:inode`. */
  readonly inode: string;
  readonly links: number;
  /** Of a file's content; 0 for other kinds. */
  readonly size: number;
  /** Where the content begins, from the beginning of the stream. */
  readonly contentOffset: number;
  /** Of a symbolic link. */
  readonly target?: string;
  /** Of a device. */
  readonly major?: number;
  readonly minor?: number;
  /** Once, before the next entry is asked for; what is not read is skipped. Views that the next piece may overwrite. */
  content(): AsyncIterable<Uint8Array>;
}

export interface StreamedCpioLimits {
  /** Default 1,000,000. */
  readonly maxEntries?: number;
  /** Of all the bytes of the stream. Default 2^53 - 1. */
  readonly maxBytes?: number;
}

const lenient = new TextDecoder();

/** Throws ParseError CPIO_TRUNCATED, CPIO_HEADER, CPIO_KIND, CPIO_LINK, CPIO_SIZE; LimitError CPIO_LIMIT. */
export async function* streamCpio(
  chunks: SkippableChunks,
  limits: StreamedCpioLimits = {},
): AsyncGenerator<StreamedCpioEntry, void, undefined> {
  const maxEntries = limits.maxEntries ?? 1_000_000;
  const input = new CpioInput(chunks, limits.maxBytes ?? Number.MAX_SAFE_INTEGER);
  try {
    for (let count = 0; await input.skipZeros(); ) {
      const start = input.offset;
      const header = parseHeader(await input.take(headerBytes, 'header'), start);
      if (header.nameSize < 1 || header.nameSize > maxNameBytes) {
        throw fault('CPIO_HEADER', `${entryAt(start)}: nameSize must be in 1..${maxNameBytes}, got ${header.nameSize}`);
      }
      const name = await input.take(header.nameSize, 'name');
      await input.skip(paddingOf(headerBytes + header.nameSize), 'padding');
      const path = lenient.decode(name.subarray(0, -1));
      if (path === trailerName && header.fileSize === 0) {
        await input.skipToWord();
        continue;
      }
      count += 1;
      if (count > maxEntries) {
        throw new LimitError<CpioErrorCode>(
          'CPIO_LIMIT',
          `cpio archive must have at most ${maxEntries} entries, got more`,
        );
      }
      const kind = kindOfBits.get(header.mode & ~0o7777);
      if (kind === undefined) {
        const got = `0o${header.mode.toString(8)}`;
        throw fault(
          'CPIO_KIND',
          `${entryAt(start)}: mode of ${JSON.stringify(path)} must be of a known kind, got ${got}`,
        );
      }
      const size = header.fileSize;
      if (kind !== 'file' && kind !== 'symlink' && size > 0) {
        throw fault(
          'CPIO_SIZE',
          `${entryAt(start)}: ${kind} ${JSON.stringify(path)} must have no content, got ${size} bytes`,
        );
      }
      const target = kind === 'symlink' ? await takeTarget(input, path, size, start) : undefined;
      const contentOffset = input.offset;
      const end = contentOffset + (kind === 'file' ? size : 0);
      const { uid, gid, mtime, ino, devMajor, devMinor, nlink } = header;
      yield {
        path,
        kind,
        mode: header.mode & 0o7777,
        uid,
        gid,
        mtime,
        links: nlink,
        fault: faultOfName(name, path),
        inode: `${devMajor}:${devMinor}:${ino}`,
        size: kind === 'file' ? size : 0,
        contentOffset,
        ...(target !== undefined && { target }),
        ...((kind === 'character' || kind === 'block') && { major: header.rdevMajor, minor: header.rdevMinor }),
        content: () => input.pieces(end - input.offset, 'content'),
      };
      await input.skip(end - input.offset, 'content');
      await input.skip(paddingOf(size), 'padding');
    }
  } finally {
    await input.close();
  }
}

async function takeTarget(input: CpioInput, path: string, size: number, start: number): Promise<string> {
  if (size < 1 || size >= maxNameBytes) {
    const bound = `1..${maxNameBytes - 1} bytes`;
    throw fault(
      'CPIO_LINK',
      `${entryAt(start)}: link target of ${JSON.stringify(path)} must have ${bound}, got ${size}`,
    );
  }
  const bytes = await input.take(size, 'link target');
  if (bytes.includes(0))
    throw fault('CPIO_LINK', `${entryAt(start)}: link target of ${JSON.stringify(path)} must hold no NUL`);
  return lenient.decode(bytes);
}

function faultOfName(name: Uint8Array, path: string): { code: CpioErrorCode; message: string } | undefined {
  const refused = (bound: string) => ({
    code: 'CPIO_NAME' as const,
    message: `cpio name must ${bound}, got ${JSON.stringify(path.slice(0, 100))}`,
  });
  if (name.indexOf(0) !== name.length - 1) return refused('end with its only NUL');
  try {
    utf8Text(name.subarray(0, -1));
  } catch {
    return refused('be UTF-8');
  }
  return faultOfPath(path, name.length - 1);
}

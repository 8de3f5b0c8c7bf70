// Archives of regular files in POSIX ustar, with one way to write each: sorted names, mode, no owner, no time. The reader takes
// what the writer makes, and of other archives (Debian's, npm's) the regular files with plain names; links and the rest are
// told by kind and left to the caller, who knows what he is looking for and its digest.
import { ParseError } from '@caisson/core/errors';
import type { RuntimeErrorCode } from './error-code.ts';

export interface UstarEntry {
  /** Without a leading `./`. */
  readonly path: string;
  readonly kind: 'file' | 'symlink' | 'other';
  readonly mode: number;
  readonly size: number;
  /** Of the content, from the start of the archive. */
  readonly offset: number;
  /** Of a symlink. */
  readonly target: string;
}

// Given: POSIX.1-2017 pax, "ustar Interchange Format".
export const USTAR_BLOCK_BYTES = 512;
const nameBytes = 100;
// Chosen: no package that is read here comes near.
const maxEntries = 100_000;

/** One header block. The path must be ASCII and at most 100 bytes: nothing here needs the prefix field. */
export function createUstarHeader(path: string, mode: number, size: number): Uint8Array {
  if (!/^[\x21-\x7e]{1,100}$/.test(path) || path.startsWith('/')) {
    throw new TypeError(`archive path must be 1..100 printable characters, got ${JSON.stringify(path)}`);
  }
  if (!Number.isSafeInteger(size) || size < 0 || size >= 8 ** 11) {
    throw new TypeError(`size of ${path} must be an integer below 8 GiB, got ${size}`);
  }
  const block = Buffer.alloc(USTAR_BLOCK_BYTES);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  block.write(path, 0);
  block.write(`${octal(mode, 7)}${octal(0, 7)}${octal(0, 7)}${octal(size, 11)}${octal(0, 11)}`, 100);
  block.write('        0', 148);
  block.write('ustar\x0000', 257);
  block.write(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      6,
    )} `,
    148,
  );
  return block;
}

/** Zero bytes that follow content of `size` bytes. */
export function ustarPadding(size: number): number {
  return (USTAR_BLOCK_BYTES - (size % USTAR_BLOCK_BYTES)) % USTAR_BLOCK_BYTES;
}

/** Two zero blocks, and no filling to a record: the writer's choice. */
export const USTAR_END_BYTES = 2 * USTAR_BLOCK_BYTES;

/**
 * Lists an archive of `size` bytes; `read` gives the 512 bytes at an offset. Ends at the first zero block. Throws ParseError
 * RUNTIME_ARCHIVE with the place.
 */
export async function* readUstar(
  size: number,
  read: (offset: number) => Uint8Array | Promise<Uint8Array>,
): AsyncGenerator<UstarEntry, void, undefined> {
  let offset = 0;
  for (let count = 0; ; count += 1) {
    if (offset + USTAR_BLOCK_BYTES > size) throw fault(offset, `has no end mark within its ${size} bytes`);
    if (count > maxEntries) throw fault(offset, `must have at most ${maxEntries} entries`);
    const block = Buffer.from(await read(offset));
    if (block.every((byte) => byte === 0)) return;
    const entry = parseHeader(block, offset);
    const next = entry.offset + entry.size + ustarPadding(entry.size);
    if (next > size) throw fault(offset, `entry of ${entry.size} bytes must end within ${size} bytes`);
    yield entry;
    offset = next;
  }
}

function parseHeader(block: Buffer, at: number): UstarEntry {
  const text = (from: number, bytes: number): string => {
    const field = block.subarray(from, from + bytes);
    const end = field.indexOf(0);
    return field.toString('latin1', 0, end < 0 ? bytes : end);
  };
  const number = (from: number, bytes: number, what: string): number => {
    const digits = text(from, bytes).trim();
    if (!/^[0-7]{1,11}$/.test(digits)) throw fault(at, `${what} must be octal digits, got ${JSON.stringify(digits)}`);
    return Number.parseInt(digits, 8);
  };
  const checksum = block.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 0x20 : byte), 0);
  const stated = number(148, 8, 'checksum');
  if (checksum !== stated) throw fault(at, `checksum must be ${checksum}, got ${stated}`);
  const type = text(156, 1);
  const prefix = text(257, 6) === 'ustar' ? text(345, 155) : '';
  const path = `${prefix === '' ? '' : `${prefix}/`}${text(0, nameBytes)}`.replace(/^\.\//, '');
  return {
    path,
    kind: type === '' || type === '0' ? 'file' : type === '2' ? 'symlink' : 'other',
    mode: number(100, 8, 'mode') & 0o7777,
    size: number(124, 12, 'size'),
    offset: at + USTAR_BLOCK_BYTES,
    target: text(157, nameBytes),
  };
}

function fault(offset: number, text: string): ParseError<RuntimeErrorCode> {
  return new ParseError('RUNTIME_ARCHIVE', `archive, byte ${offset}: ${text}`);
}

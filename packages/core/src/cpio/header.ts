// The 110 bytes before every entry. Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst, "newc":
// a magic and thirteen numbers of eight hex digits, then the name with a NUL, then the data, each padded to four bytes.
import { toUtf8 } from '../bytes/index.ts';
import { ParseError } from '../errors/index.ts';
import type { CpioErrorCode } from './error-code.ts';

/** In the order of the wire. */
const fields = [
  'ino',
  'mode',
  'uid',
  'gid',
  'nlink',
  'mtime',
  'fileSize',
  'devMajor',
  'devMinor',
  'rdevMajor',
  'rdevMinor',
  'nameSize',
  'check',
] as const;

export type CpioHeader = Readonly<Record<(typeof fields)[number], number>>;

// Given.
const magic = '070701';
export const headerBytes = magic.length + 8 * fields.length;

/** Bytes of padding after `length` bytes that began at a multiple of four. */
export function paddingOf(length: number): number {
  return -length & 3;
}

/** For messages: which entry a fault is in. */
export function entryAt(offset: number): string {
  return `cpio entry at offset ${offset}`;
}

export function formatHeader(header: CpioHeader): Uint8Array<ArrayBuffer> {
  return toUtf8(magic + fields.map((field) => header[field].toString(16).padStart(8, '0')).join(''));
}

/** `bytes` are the 110; `offset` is theirs, for messages. Digits in either case, as the kernel takes them. */
export function parseHeader(bytes: Uint8Array, offset: number): CpioHeader {
  const text = String.fromCharCode(...bytes);
  if (!text.startsWith(magic)) {
    throw fault(`cpio header at offset ${offset} must begin with ${magic}, got ${JSON.stringify(text.slice(0, 6))}`);
  }
  const values = fields.map((field, index) => {
    const digits = text.slice(6 + 8 * index, 14 + 8 * index);
    if (/^[0-9a-fA-F]{8}$/.test(digits)) return [field, Number.parseInt(digits, 16)] as const;
    throw fault(`cpio header at offset ${offset}: ${field} must be 8 hex digits, got ${JSON.stringify(digits)}`);
  });
  return Object.fromEntries(values) as unknown as CpioHeader;
}

function fault(message: string): ParseError<CpioErrorCode> {
  return new ParseError('CPIO_HEADER', message);
}

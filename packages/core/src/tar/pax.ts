// Records of a pax header: `LENGTH KEY=VALUE\n`. What overrides a field of the next header is read strictly, because an archive that
// two readers unpack differently is how a file gets past whoever looked at it: a key twice or a record of another length refuses it.
import { utf8Text } from '../bytes/index.ts';
import { ParseError } from '../errors/index.ts';
import type { TarErrorCode } from './error-code.ts';

const overriding = ['path', 'linkpath', 'size', 'uid', 'gid', 'mtime'] as const;
export type PaxKey = (typeof overriding)[number];

export interface PaxRecords {
  /** An empty value takes an override back. */
  readonly values: ReadonlyMap<PaxKey, string>;
  readonly ignoredKeys: number;
  readonly droppedXattrs: number;
}

// Chosen: keys that say nothing of a tree and are in most archives.
const silent = new Set(['atime', 'ctime', 'uname', 'gname', 'comment', 'charset']);
const newline = 0x0a;

/** Throws ParseError TAR_EXTENSION, TAR_SPARSE, TAR_NAME. */
export function parsePax(bytes: Uint8Array, place: string): PaxRecords {
  const values = new Map<PaxKey, string>();
  let [ignoredKeys, droppedXattrs] = [0, 0];
  for (let at = 0; at < bytes.length; ) {
    const { key, value, end } = parseRecord(bytes, at, place);
    at = end;
    if (/^(SCHILY|LIBARCHIVE)\.xattr\./.test(key)) droppedXattrs += 1;
    else if (key.startsWith('GNU.sparse.')) {
      throw new ParseError<TarErrorCode>('TAR_SPARSE', `${place}: sparse files are not read, got pax key ${key}`);
    } else if (isOverriding(key)) {
      if (values.has(key)) throw fault(`${place}: pax key ${key} must stand once`);
      values.set(key, textOf(value, key, place));
    } else if (key === 'hdrcharset' && textOf(value, key, place) !== 'ISO-IR 10646 2000 UTF-8') {
      throw fault(`${place}: names must be in UTF-8, got pax hdrcharset ${textOf(value, key, place).slice(0, 40)}`);
    } else if (!silent.has(key) && key !== 'hdrcharset') ignoredKeys += 1;
  }
  return { values, ignoredKeys, droppedXattrs };
}

function parseRecord(bytes: Uint8Array, at: number, place: string): { key: string; value: Uint8Array; end: number } {
  const wrong = (why: string): ParseError<TarErrorCode> => fault(`${place}: pax record at byte ${at} must ${why}`);
  const lead = String.fromCharCode(...bytes.subarray(at, at + 9));
  const digits = /^([1-9][0-9]{0,7}) /.exec(lead)?.[1];
  if (digits === undefined) throw wrong(`begin with its length and a blank, got ${JSON.stringify(lead)}`);
  const end = at + Number(digits);
  if (end > bytes.length)
    throw wrong(`end within the header, got a length of ${digits} with ${bytes.length - at} left`);
  const body = bytes.subarray(at + digits.length + 1, end);
  if (body.at(-1) !== newline) throw wrong('end with a newline where its length ends it');
  const equals = body.indexOf(0x3d);
  if (equals < 1) throw wrong('have a key and "="');
  return { key: textOf(body.subarray(0, equals), 'key', place), value: body.subarray(equals + 1, -1), end };
}

function textOf(bytes: Uint8Array, what: string, place: string): string {
  try {
    const text = utf8Text(bytes);
    if (!text.includes('\0')) return text;
  } catch (cause) {
    throw new ParseError<TarErrorCode>('TAR_NAME', `${place}: pax ${what} must be UTF-8`, { cause });
  }
  throw new ParseError<TarErrorCode>('TAR_NAME', `${place}: pax ${what} must hold no NUL`);
}

function isOverriding(key: string): key is PaxKey {
  return (overriding as readonly string[]).includes(key);
}

function fault(message: string): ParseError<TarErrorCode> {
  return new ParseError('TAR_EXTENSION', message);
}

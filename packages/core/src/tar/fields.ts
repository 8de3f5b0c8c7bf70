// What an entry says of itself, from its header and the extensions before it.
import { utf8Text } from '../bytes/index.ts';
import { LimitError, ParseError } from '../errors/index.ts';
import { kindOfFlag, type TarFields, type TarKind } from './entry.ts';
import { fault, type TarErrorCode } from './error-code.ts';
import type { Extensions } from './extension.ts';
import type { TarHeader } from './header.ts';
import { parseDecimal, parseSeconds } from './number.ts';
import type { PaxKey } from './pax.ts';

/** Throws ParseError TAR_EXTENSION, TAR_KIND, TAR_LINK, TAR_NAME, TAR_NUMBER, TAR_SIZE, TAR_SPARSE; LimitError TAR_LIMIT. */
export function fieldsOf(header: TarHeader, extensions: Extensions, place: string, maxNameBytes: number): TarFields {
  const values = extensions.get('pax')?.pax?.values;
  /** pax says more than the header; an empty value means that the header holds. */
  const paxOf = (key: PaxKey): string | undefined => values?.get(key) || undefined;
  const override = (kind: 'path' | 'linkpath'): string | undefined => {
    const long = extensions.get(kind)?.text;
    const pax = paxOf(kind);
    // GNU's long name and pax's path for one entry: readers disagree on who wins.
    if (long !== undefined && pax !== undefined)
      throw fault('TAR_EXTENSION', `${place}: ${kind} must be told once, got GNU's and pax's`);
    return long ?? pax;
  };
  const id = (key: 'uid' | 'gid'): number => {
    const text = paxOf(key);
    return text === undefined ? header[key] : parseDecimal(text, `${place}: pax ${key}`, 0xffffffff);
  };
  const sizeText = paxOf('size');
  const size =
    sizeText === undefined ? header.size : parseDecimal(sizeText, `${place}: pax size`, Number.MAX_SAFE_INTEGER);
  const raw = bounded(override('path') ?? nameOf(header, place), 'name', place, maxNameBytes);
  const kind = kindOf(header.flag, raw, place);
  const path = kind === 'directory' ? raw.replace(/\/+$/, '') || '/' : raw;
  if (path.endsWith('/') && kind !== 'directory') {
    throw fault(
      'TAR_NAME',
      `${place}: name of a ${kind} must not end with a slash, got ${JSON.stringify(raw.slice(0, 100))}`,
    );
  }
  if (kind !== 'file' && size > 0) {
    const what = JSON.stringify(path.slice(0, 100));
    throw fault('TAR_SIZE', `${place}: ${kind} ${what} must have no content, got ${size} bytes`);
  }
  const mtimeText = paxOf('mtime');
  const link = kind === 'symlink' || kind === 'hardlink';
  const device = kind === 'character' || kind === 'block';
  return {
    path,
    kind,
    mode: header.mode,
    uid: id('uid'),
    gid: id('gid'),
    mtime: mtimeText === undefined ? header.mtime : parseSeconds(mtimeText, `${place}: pax mtime`),
    size,
    ...(link && {
      target: targetOf(override('linkpath') ?? decoded(header.linkName, place), path, place, maxNameBytes),
    }),
    ...(device && { major: header.major, minor: header.minor }),
  };
}

function kindOf(flag: string, path: string, place: string): TarKind {
  const what = JSON.stringify(path.slice(0, 100));
  if (flag === 'S') throw fault('TAR_SPARSE', `${place}: sparse files are not read, got ${what}`);
  const kind = kindOfFlag[flag];
  if (kind === undefined) {
    throw fault('TAR_KIND', `${place}: type of ${what} must be one of 0 to 7, got ${JSON.stringify(flag)}`);
  }
  // Before ustar had a type for folders, a slash said it.
  return flag === '\0' && path.endsWith('/') ? 'directory' : kind;
}

function nameOf({ prefix, name }: TarHeader, place: string): string {
  const tail = decoded(name, place);
  return prefix.length === 0 ? tail : `${decoded(prefix, place)}/${tail}`;
}

function targetOf(target: string, path: string, place: string, maxNameBytes: number): string {
  if (target !== '')
    return bounded(target, `link target of ${JSON.stringify(path.slice(0, 100))}`, place, maxNameBytes);
  throw fault('TAR_LINK', `${place}: link ${JSON.stringify(path.slice(0, 100))} must have a target`);
}

function bounded(text: string, what: string, place: string, maxNameBytes: number): string {
  if (text === '') throw fault('TAR_NAME', `${place}: ${what} must not be empty`);
  // A code unit is at most three bytes; only near the bound is the exact count worth taking.
  const bytes = text.length * 3 > maxNameBytes ? new TextEncoder().encode(text).length : 0;
  if (bytes <= maxNameBytes) return text;
  throw new LimitError<TarErrorCode>(
    'TAR_LIMIT',
    `${place}: ${what} must have at most ${maxNameBytes} bytes, got ${bytes}`,
  );
}

function decoded(bytes: Uint8Array, place: string): string {
  try {
    return utf8Text(bytes);
  } catch (cause) {
    throw new ParseError<TarErrorCode>('TAR_NAME', `${place}: name must be UTF-8`, { cause });
  }
}

// Writes a tar archive: ustar, with a pax header only where ustar has no room; the same bytes for the same entries in the same order,
// piece by piece so that a large file is never in memory. Owners by number only: names of users are a machine's own.
import { concatBytes, toUtf8 } from '../bytes/index.ts';
import { LimitError } from '../errors/index.ts';
import { blockBytes, kindOfFlag, type TarFields, type TarKind } from './entry.ts';
import type { TarErrorCode } from './error-code.ts';
import { sumOf } from './header.ts';

/** Bytes that come later and more than once; `open` must yield exactly `size` bytes. */
export interface TarSource {
  readonly size: number;
  open(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** uid, gid and mtime are 0 where they are not given; a file without content is empty. */
export type TarInputEntry = Pick<TarFields, 'path' | 'kind' | 'mode'> &
  Partial<Pick<TarFields, 'uid' | 'gid' | 'mtime' | 'target' | 'major' | 'minor'>> & {
    readonly content?: Uint8Array | TarSource;
  };

const flags = new Map<TarKind, string>(
  Object.entries(kindOfFlag)
    .filter(([flag]) => flag >= '0' && flag <= '6')
    .map(([flag, kind]) => [kind, flag]),
);
// Given: the room of ustar's fields.
const nameRoom = 100;
const idRoom = 0o7777777;
const longRoom = 0o77777777777;

/** Throws LimitError TAR_SIZE when a source is not as long as it said. */
export async function* writeTar(
  entries: Iterable<TarInputEntry> | AsyncIterable<TarInputEntry>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const entry of entries) {
    const content = entry.content ?? new Uint8Array();
    const size = content instanceof Uint8Array ? content.length : content.size;
    yield formatTarHeader(entry, size);
    if (content instanceof Uint8Array) yield content;
    else yield* exactly(content, entry.path);
    yield new Uint8Array(-size & (blockBytes - 1));
  }
  yield new Uint8Array(2 * blockBytes);
}

/** The header of an entry with `size` bytes of content, after its pax header where one is needed. */
export function formatTarHeader(entry: TarInputEntry, size: number): Uint8Array {
  const { kind, uid = 0, gid = 0, mtime = 0, target = '' } = entry;
  const path = kind === 'directory' ? `${entry.path}/` : entry.path;
  const records: [string, string][] = [];
  const fit = (key: string, value: string | number, fits: boolean): void => {
    if (!fits) records.push([key, String(value)]);
  };
  fit('path', path, toUtf8(path).length <= nameRoom);
  fit('linkpath', target, toUtf8(target).length <= nameRoom);
  fit('size', size, size <= longRoom);
  fit('uid', uid, uid <= idRoom);
  fit('gid', gid, gid <= idRoom);
  fit('mtime', mtime, mtime >= 0 && mtime <= longRoom);
  const own = header({ ...entry, path, uid, gid, mtime, size, target, flag: flags.get(kind)! });
  if (records.length === 0) return own;
  const pax = concatBytes(...records.map(([key, value]) => paxRecord(key, value)));
  const lead = header({ path: 'pax', mode: 0o644, uid: 0, gid: 0, mtime: 0, size: pax.length, target: '', flag: 'x' });
  return concatBytes(lead, pax, new Uint8Array(-pax.length & (blockBytes - 1)), own);
}

interface HeaderValues {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly size: number;
  readonly target: string;
  readonly flag: string;
  readonly major?: number;
  readonly minor?: number;
}

function header(values: HeaderValues): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const put = (text: string, at: number, room: number): void => block.set(toUtf8(text).subarray(0, room), at);
  // A number that does not fit stands in the pax header. Readers without pax see its low digits, never the bytes of another field.
  const number = (value: number, at: number, digits: number): void =>
    put(Math.max(value, 0).toString(8).padStart(digits, '0').slice(-digits), at, digits);
  put(values.path, 0, nameRoom);
  number(values.mode, 100, 7);
  number(values.uid, 108, 7);
  number(values.gid, 116, 7);
  number(values.size, 124, 11);
  number(values.mtime, 136, 11);
  put(values.flag, 156, 1);
  put(values.target, 157, nameRoom);
  put('ustar\x0000', 257, 8);
  number(values.major ?? 0, 329, 7);
  number(values.minor ?? 0, 337, 7);
  put(`${sumOf(block).toString(8).padStart(6, '0')}\0 `, 148, 8);
  return block;
}

/** The length counts its own digits. */
export function paxRecord(key: string, value: string): Uint8Array {
  const body = toUtf8(` ${key}=${value}\n`);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return concatBytes(toUtf8(String(length)), body);
}

async function* exactly(source: TarSource, path: string): AsyncGenerator<Uint8Array, void, undefined> {
  let seen = 0;
  for await (const piece of source.open()) {
    seen += piece.length;
    if (seen > source.size) break;
    yield piece;
  }
  if (seen === source.size) return;
  const got = seen > source.size ? 'more' : String(seen);
  throw new LimitError<TarErrorCode>(
    'TAR_SIZE',
    `tar entry ${path}: its source must yield ${source.size} bytes, got ${got}`,
  );
}

// One header of 512 bytes, of POSIX (ustar) or GNU tar. Older forms have no magic, and readers disagree on what their fields
// mean; star's form puts times where ustar has the prefix of a name. Both are refused.
import { blockBytes } from './entry.ts';
import { fault } from './error-code.ts';
import { parseNumber, parseTime } from './number.ts';

export interface TarHeader {
  readonly form: 'ustar' | 'gnu';
  /** One character. */
  readonly flag: string;
  /** Bytes up to the NUL; `prefix` is empty in GNU's form, which has other things there. */
  readonly name: Uint8Array;
  readonly prefix: Uint8Array;
  readonly linkName: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
}

// Given: POSIX.1-2017 pax, "ustar Interchange Format", and tar.h of GNU tar.
const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  flag: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
  starMagic: [508, 4],
} as const;
const forms: Readonly<Record<string, TarHeader['form']>> = { 'ustar\x0000': 'ustar', 'ustar  \0': 'gnu' };
const maxId = 0xffffffff;

/** `place` names the entry with its offset. Throws ParseError TAR_HEADER, TAR_CHECKSUM, TAR_NUMBER; LimitError TAR_LIMIT. */
export function parseHeader(block: Uint8Array, place: string): TarHeader {
  const bytes = (field: keyof typeof fields): Uint8Array =>
    block.subarray(fields[field][0], fields[field][0] + fields[field][1]);
  const text = (field: keyof typeof fields): string => String.fromCharCode(...bytes(field));
  const form = forms[text('magic')];
  if (form === undefined) {
    throw fault('TAR_HEADER', `${place}: magic must be of ustar or GNU tar, got ${JSON.stringify(text('magic'))}`);
  }
  if (form === 'ustar' && text('starMagic') === 'tar\0') {
    throw fault('TAR_HEADER', `${place}: header must be of ustar or GNU tar, got star's`);
  }
  const number = (field: 'mode' | 'uid' | 'gid' | 'size' | 'major' | 'minor' | 'checksum', max: number): number =>
    parseNumber(bytes(field), `${place}: ${field}`, max);
  const [told, summed] = [number('checksum', 2 ** 24), sumOf(block)];
  if (told !== summed) throw fault('TAR_CHECKSUM', `${place}: checksum must be ${summed}, got ${told}`);
  const flag = text('flag');
  const device = flag === '3' || flag === '4';
  return {
    form,
    flag,
    name: upToNul(bytes('name')),
    prefix: form === 'ustar' ? upToNul(bytes('prefix')) : new Uint8Array(),
    linkName: upToNul(bytes('linkName')),
    mode: number('mode', maxId) & 0o7777,
    uid: number('uid', maxId),
    gid: number('gid', maxId),
    size: number('size', Number.MAX_SAFE_INTEGER),
    mtime: parseTime(bytes('mtime'), `${place}: mtime`),
    // For other kinds, old writers left garbage in these fields.
    major: device ? number('major', maxId) : 0,
    minor: device ? number('minor', maxId) : 0,
  };
}

/** Of a block with its checksum taken for blanks. */
export function sumOf(block: Uint8Array): number {
  const [start, length] = fields.checksum;
  let sum = 0x20 * length;
  for (let index = 0; index < blockBytes; index += 1) {
    if (index < start || index >= start + length) sum += block[index]!;
  }
  return sum;
}

export function upToNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

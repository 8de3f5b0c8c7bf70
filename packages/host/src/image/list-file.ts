// Every entry of every ramdisk of an image, with the hash of its content. What stands in a ramdisk that cannot be opened is not listed, and
// the caller learns so from the error.
import { createHash } from 'node:crypto';
import { toHex } from '@caisson/core/bytes';
import type { CpioKind, StreamedCpioEntry } from '@caisson/core/cpio';
import type { SurveyedSection } from '@caisson/core/eif';
import type { ImageFile } from './image-file.ts';
import { openRamdisk } from './ramdisk.ts';

export interface ListedFile {
  /** Number of the ramdisk, from 0. */
  readonly ramdisk: number;
  readonly path: string;
  readonly kind: CpioKind;
  /** Four octal digits. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  /** Unix seconds. */
  readonly mtime: number;
  readonly size: number;
  /** Of a file's content, hex; absent where another name of the same file has the content. */
  readonly sha384?: string;
  readonly target?: string;
  /** `major:minor` of a device. */
  readonly device?: string;
  /** What names of one file have in common; only where there are several. */
  readonly inode?: string;
  /** Why it may not be written anywhere. */
  readonly fault?: string;
}

/** Throws what `openRamdisk` throws. */
export async function* listImageFiles(
  file: ImageFile,
  sections: readonly SurveyedSection[],
): AsyncGenerator<ListedFile, void, undefined> {
  for (const [ramdisk, section] of ramdisksOf(sections).entries()) {
    for await (const entry of openRamdisk(file, section)) yield await listed(entry, ramdisk);
  }
}

export function ramdisksOf(sections: readonly SurveyedSection[]): SurveyedSection[] {
  return sections.filter(({ kind }) => kind === 'ramdisk');
}

async function listed(entry: StreamedCpioEntry, ramdisk: number): Promise<ListedFile> {
  const { path, kind, uid, gid, mtime, size, target, major, minor, fault } = entry;
  const isShared = kind === 'file' && entry.links > 1;
  return {
    ramdisk,
    path,
    kind,
    mode: entry.mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    mtime,
    size,
    ...(kind === 'file' && !(isShared && size === 0) && { sha384: await hashOf(entry) }),
    ...(target !== undefined && { target }),
    ...(major !== undefined && { device: `${major}:${minor}` }),
    ...(isShared && { inode: entry.inode }),
    ...(fault !== undefined && { fault: fault.message }),
  };
}

async function hashOf(entry: StreamedCpioEntry): Promise<string> {
  const hash = createHash('sha384');
  for await (const piece of entry.content()) hash.update(piece);
  return toHex(hash.digest());
}

// Parts that a cut transfer has left for the next one. A part that nobody writes has the name of what it is a part of; whoever goes on with it
// gives it a name of his own first, by one rename, which only one of two can do. So two programs never write one file: the other one
// begins anew, and both end whole.
import { createHash } from 'node:crypto';
import { errnoOf } from './fault.ts';
import type { Folder } from './folder.ts';

// Given: wire.md 10.
const prefix = '.caisson-part-';
const form = /^\.caisson-part-[0-9a-f]{32}(?:-([0-9]{1,10}))?$/;

/** Parts that this process writes; another process would have another name. */
const own = new Set<string>();

export interface Part {
  /** Of the one who writes it. */
  readonly name: string;
  /** Of the one who has left it. */
  readonly freeName: string;
  readonly isKept: boolean;
  readonly key: string;
}

/** What a part is of: the same file of the same length and time goes on in the same part. */
export interface PartOf {
  readonly name: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** undefined: another transfer of this process writes it. Its taker gives it back by `leavePart` or `forgetPart`. */
export function takePart(folder: Folder, { name: file, sizeBytes, mtimeMs }: PartOf): Part | undefined {
  const mark = createHash('sha256')
    .update(JSON.stringify([file, sizeBytes, mtimeMs]))
    .digest('hex')
    .slice(0, 32);
  const freeName = `${prefix}${mark}`;
  const name = `${freeName}-${process.pid}`;
  const key = `${folder.identity}/${name}`;
  if (own.has(key)) return undefined;
  move(folder, freeName, name);
  const there = folder.stat(name);
  if (there !== undefined && !there.isFile()) folder.remove(name);
  own.add(key);
  return { name, freeName, key, isKept: there?.isFile() === true };
}

/** It lies there for whoever comes next. */
export function leavePart(folder: Folder, part: Part): void {
  own.delete(part.key);
  move(folder, part.name, part.freeName);
}

/** It was renamed or removed. */
export function forgetPart(part: Part): void {
  own.delete(part.key);
}

/** The process of whoever writes the part of this name; null: nobody; undefined: it is no part. */
export function writerOf(name: string): number | null | undefined {
  const match = form.exec(name);
  if (match === null) return undefined;
  return match[1] === undefined ? null : Number(match[1]);
}

/** Of a writer that is no more. */
export function freePart(folder: Folder, name: string): void {
  move(folder, name, name.slice(0, prefix.length + 32));
}

/** Somebody else may have been there first. */
function move(folder: Folder, from: string, to: string): void {
  try {
    folder.rename(from, to);
  } catch (error) {
    if (errnoOf((error as Error).cause) !== 'ENOENT') throw error;
  }
}

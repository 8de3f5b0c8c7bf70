// Parts that a cut transfer has left for the next one. A part that nobody writes has the name of what it is a part of; whoever goes on with it
// gives it a name of his own first, by one rename, which only one of two can do. So two programs never write one file: the other one
// begins anew, and both end whole.
import { createHash } from 'node:crypto';
import { errnoOf } from './fault.ts';
import type { Folder } from './folder.ts';

// Given: docs/wire/state.md.
const prefix = '.caisson-part-';
const form = /^\.caisson-part-[0-9a-f]{32}(?:-([0-9]{1,10}))?$/;

/** Parts that this process writes; another process would have another name. */
const own = new Set<string>();

export interface Part {
  /** Its name while this process writes it. */
  readonly name: string;
  /** Its name while nobody writes it. */
  readonly freeName: string;
  readonly isKept: boolean;
  readonly key: string;
}

/** Identifies the file that a part belongs to: only the same name, length and time continues in the same part. */
export interface PartOf {
  readonly name: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** Takes the part over, or begins one. Undefined where another transfer of this process writes it. Give it back by `leavePart` or `forgetPart`. */
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

/** Leaves the part for the next transfer. */
export function leavePart(folder: Folder, part: Part): void {
  own.delete(part.key);
  move(folder, part.name, part.freeName);
}

/** Call it when the part was renamed or removed. */
export function forgetPart(part: Part): void {
  own.delete(part.key);
}

/** Pid of the process that writes the part of this name; null where nobody does; undefined if it is no part's name. */
export function writerOf(name: string): number | null | undefined {
  const match = form.exec(name);
  if (match === null) return undefined;
  return match[1] === undefined ? null : Number(match[1]);
}

/** Frees the part of a writer that is dead. */
export function freePart(folder: Folder, name: string): void {
  move(folder, name, name.slice(0, prefix.length + 32));
}

/** Renames; does nothing where another process was faster. */
function move(folder: Folder, from: string, to: string): void {
  try {
    folder.rename(from, to);
  } catch (error) {
    if (errnoOf((error as Error).cause) !== 'ENOENT') throw error;
  }
}

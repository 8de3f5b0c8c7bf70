// What a copy will bring, looked at before anything is sent: its length for the progress, and the faults that would else be found when half
// of it is there.
import { fstatSync, type Stats } from 'node:fs';
import { CaissonError, LimitError, ParseError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { PipelineErrorCode } from '../error-code.ts';
import { withFault } from '../store/fault.ts';
import type { Folder } from '../store/folder.ts';
import { compareNames, isOwnTemporary, MAX_COMPONENTS, verifyLinkTarget, verifyName } from '../store/name.ts';
import type { CopyEntry } from './entry.ts';

export interface CopyPlan {
  /** The folder in which the source lies, or the source itself when it is a folder; its caller releases it. */
  readonly top: Folder;
  /** Of a single file its name in `top`; null: the top is what is copied. */
  readonly name: string | null;
  /** In the order in which they are sent. */
  readonly entries: readonly CopyEntry[];
  readonly files: number;
  readonly bytes: number;
}

// Chosen.
export const MAX_ENTRIES = 1_000_000;

/** `name` in `parent`, which is held. Throws PIPELINE_KIND for a folder without `recursive`. */
export async function planCopy(parent: Folder, name: string | null, recursive: boolean): Promise<CopyPlan> {
  const stat = name === null ? parent.own() : parent.stat(name);
  const path = name === null ? parent.path : parent.pathOf(name);
  if (stat === undefined) {
    throw new CaissonError<PipelineErrorCode>('PIPELINE_MISSING', `copy ${plain(path)}: it does not exist`);
  }
  if (name !== null && stat.isFile()) {
    const entry = fileEntry([], stat);
    return { top: parent.hold(), name, entries: [entry], files: 1, bytes: entry.sizeBytes };
  }
  if (!stat.isDirectory()) {
    throw new CaissonError<PipelineErrorCode>(
      'PIPELINE_KIND',
      `copy ${plain(path)}: it is neither a file nor a folder`,
    );
  }
  if (!recursive) {
    throw new CaissonError<PipelineErrorCode>('PIPELINE_KIND', `copy ${plain(path)}: it is a folder`, {
      hint: 'copy a folder with -r',
    });
  }
  const top = name === null ? parent.hold() : parent.child(name);
  const entries: CopyEntry[] = [];
  try {
    await list(top, [], stat, entries);
  } catch (error) {
    top.release();
    throw error;
  }
  const files = entries.filter(({ kind }) => kind === 'file');
  return { top, name: null, entries, files: files.length, bytes: files.reduce((sum, one) => sum + one.sizeBytes, 0) };
}

async function list(folder: Folder, path: readonly string[], stat: Stats, entries: CopyEntry[]): Promise<void> {
  entries.push({ ...bare, kind: 'folder', path, mode: stat.mode & 0o777, mtimeMs: timeOf(stat) });
  if (path.length >= MAX_COMPONENTS) {
    throw limit(folder, `at most ${MAX_COMPONENTS} folders below one another`);
  }
  for (const name of namesOf(folder)) {
    if (entries.length >= MAX_ENTRIES) throw limit(folder, `at most ${MAX_ENTRIES} entries`);
    const below = folder.stat(name);
    // Gone since it was listed.
    if (below === undefined) continue;
    const at = [...path, name];
    if (below.isDirectory()) {
      const child = folder.child(name);
      try {
        await list(child, at, below, entries);
      } finally {
        child.release();
      }
    } else if (below.isFile()) {
      entries.push(fileEntry(at, below));
    } else if (below.isSymbolicLink()) {
      const target = folder.readLink(name);
      verifyLinkTarget(at, target);
      entries.push({ ...bare, kind: 'link', path: at, mode: 0o777, mtimeMs: timeOf(below), target });
    } else {
      throw new CaissonError<PipelineErrorCode>(
        'PIPELINE_KIND',
        `copy ${plain(folder.pathOf(name))}: it is neither a file, a folder nor a link`,
      );
    }
  }
  // A tree of a million names is no reason to keep others waiting.
  await new Promise((resolve) => setImmediate(resolve));
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function namesOf(folder: Folder): string[] {
  const names: string[] = [];
  for (const raw of folder.names()) {
    let name: string;
    try {
      name = decoder.decode(raw);
    } catch {
      throw new ParseError<PipelineErrorCode>(
        'PIPELINE_NAME',
        `name in ${plain(folder.path)} must be UTF-8, got ${raw.toString('hex').slice(0, 64)}`,
      );
    }
    if (isOwnTemporary(name)) continue;
    verifyName(name, 'name', folder.pathOf(name));
    names.push(name);
  }
  return names.sort(compareNames);
}

const bare = { sizeBytes: 0, target: '', isSparse: false, sha256: null };

function fileEntry(path: readonly string[], stat: Stats): CopyEntry {
  // st_blocks counts 512 bytes whatever the file system's block is (stat(2)).
  const isSparse = stat.blocks * 512 < stat.size;
  return {
    ...bare,
    kind: 'file',
    path,
    mode: stat.mode & 0o777,
    mtimeMs: timeOf(stat),
    sizeBytes: stat.size,
    isSparse,
  };
}

function timeOf({ mtimeMs }: Stats): number {
  return Math.max(0, Math.floor(mtimeMs));
}

function limit(folder: Folder, rule: string): LimitError<PipelineErrorCode> {
  return new LimitError('PIPELINE_LIMIT', `copy ${plain(folder.path)}: it must have ${rule}, got more`);
}

/** What a file is at one moment; another answer later means that it was written meanwhile (P-F3). */
export function markOf(fd: number, path: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = withFault('look at', path, () => fstatSync(fd, { bigint: true }));
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

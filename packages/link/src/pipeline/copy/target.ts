// Where a copy lands: a folder that is open and a name in it.
import { ParseError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { PipelineErrorCode } from '../error-code.ts';
import type { Folder } from '../store/folder.ts';
import { verifyName } from '../store/name.ts';
import { Walk } from '../store/walk.ts';

export interface CopyTarget {
  /** Held; its user releases it. */
  readonly folder: Folder;
  /** null: the folder itself takes what a copied folder holds. */
  readonly name: string | null;
}

export interface TargetTerms {
  /** A folder that is there takes the copy under `sourceName`; else the path is the copy's own. */
  readonly into: boolean;
  /** '' where the source has no name of its own (`/`, `.`). */
  readonly sourceName: string;
}

/** Folders on the way are made. `root` stays the caller's. Throws PIPELINE_NAME, PIPELINE_LINK, PIPELINE_KIND. */
export function openTarget(root: Folder, path: readonly string[], { into, sourceName }: TargetTerms): CopyTarget {
  if (sourceName !== '') verifyName(sourceName, 'name of the source');
  const walk = new Walk(root, { make: true });
  try {
    const parent = walk.to(path.slice(0, -1));
    const last = path.at(-1);
    const isFolder = last === undefined || parent.stat(last)?.isDirectory() === true;
    if (last !== undefined && !(into && isFolder)) return { folder: parent.hold(), name: last };
    const folder = walk.to(path);
    if (into && sourceName !== '') return { folder: folder.hold(), name: sourceName };
    return { folder: folder.hold(), name: null };
  } finally {
    walk.close();
  }
}

/** A single file needs a name. Throws ParseError PIPELINE_KIND. */
export function nameOfFile({ folder, name }: CopyTarget): string {
  if (name !== null) return name;
  throw new ParseError<PipelineErrorCode>('PIPELINE_KIND', `receive ${plain(folder.path)}: a folder is in its place`);
}

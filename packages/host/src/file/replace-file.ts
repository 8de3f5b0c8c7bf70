// Files that are either the old ones or the new ones, whenever the machine stops: written beside their place under a name of this
// process, synced, renamed, and the folder synced, because a rename that is only in memory is no rename (wire.md 10).
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface ReplaceFileOptions {
  /** Default 0o644, as it stands: the umask of whoever runs does not count. */
  readonly mode?: number;
}

// Given: wire.md 10.
const temporaryName = /^\.caisson-([0-9]{1,10})-[0-9a-f]{16}$/;

/** Held by whoever gives several files of a folder their names together. */
export const FOLDER_LOCK = '.caisson-lock';

/** True for names that only this program gives, to what it has not finished: no part of anything, wherever they stand. */
export function isUnfinishedName(name: string): boolean {
  return name === FOLDER_LOCK || temporaryName.test(name);
}

/** A name beside `path` that `sweepTemporaries` knows, for what must not have its own name before it is whole. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.caisson-${process.pid}-${randomBytes(8).toString('hex')}`);
}

/** What `write` throws leaves the old file and nothing else. Rejects with Node-style errors. */
export async function replaceFile<Result>(
  path: string,
  write: (file: FileHandle) => Promise<Result>,
  { mode = 0o644 }: ReplaceFileOptions = {},
): Promise<Result> {
  const temporary = temporaryBeside(path);
  try {
    const file = await open(
      temporary,
      constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o600,
    );
    let result: Result;
    try {
      result = await write(file);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return result;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Makes what happened to names in `folder` last. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes what processes that are no more have left in `folder`; a living one's stays. */
export async function sweepTemporaries(folder: string): Promise<void> {
  for (const path of (await listTemporaries(folder)).left) await rm(path, { force: true, recursive: true });
}

/** Paths of what was not finished in `folder`: `left` by processes that are no more, and `held` by living ones. */
export async function listTemporaries(
  folder: string,
): Promise<{ readonly left: readonly string[]; readonly held: readonly string[] }> {
  const [left, held]: [string[], string[]] = [[], []];
  for (const name of await readdir(folder)) {
    const pid = temporaryName.exec(name)?.[1];
    if (pid !== undefined) (isAlive(Number(pid)) ? held : left).push(join(folder, name));
  }
  return { left, held };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

// Files that are either the old ones or the new ones, whenever the machine stops: written beside their place under a name of this
// process, synced, renamed, and the folder synced, because a rename that is only in memory is no rename (docs/wire/state.md).
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface ReplaceFileOptions {
  /** Default 0o644, as it stands: the umask of whoever runs does not count. */
  readonly mode?: number;
}

// Given: docs/wire/state.md.
const temporaryName = /^\.caisson-([0-9]{1,10})-[0-9a-f]{16}$/;

/** Lock for giving several files of one folder their names together. */
export const FOLDER_LOCK = '.caisson-lock';

/** True for the names of this program's unfinished files, which belong to nothing. */
export function isUnfinishedName(name: string): boolean {
  return name === FOLDER_LOCK || temporaryName.test(name);
}

/** A name beside `path` for something that is not finished yet; `sweepTemporaries` knows it. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.caisson-${process.pid}-${randomBytes(8).toString('hex')}`);
}

/** If `write` throws, the old file stays and nothing else is left. Rejects with Node-style errors. */
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

/** Makes changes to the names in `folder` durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes unfinished files of dead processes from `folder`; those of living ones stay. */
export async function sweepTemporaries(folder: string): Promise<void> {
  for (const path of (await listTemporaries(folder)).left) await rm(path, { force: true, recursive: true });
}

/** Unfinished files in `folder`: `left` by dead processes, and `held` by living ones. */
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

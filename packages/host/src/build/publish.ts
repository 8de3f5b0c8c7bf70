// The files of a build appear together and whole, or not at all: written beside their places, synced, then renamed. A build that failed
// leaves what was there before.
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import { FOLDER_LOCK, sweepTemporaries, syncFolder, temporaryBeside, withLock } from '../file/index.ts';
import type { BuildErrorCode } from './error-code.ts';

/** Writes the next file of the build; its name becomes `path` when `write` of the whole build has succeeded. */
export type OpenOutput = (path: string) => Promise<FileHandle>;

/** Throws CaissonError BUILD_OUTPUT where a file cannot be made, and what `write` throws. */
export async function publishFiles<Result>(write: (openOutput: OpenOutput) => Promise<Result>): Promise<Result> {
  const outputs: { path: string; temporary: string; file: FileHandle }[] = [];
  try {
    const result = await write(async (path) => {
      // Removes what a killed build left. A folder that cannot be read is reported by the next step.
      await sweepTemporaries(dirname(path)).catch(() => {});
      const temporary = temporaryBeside(path);
      const file = await openNew(temporary, path);
      outputs.push({ path, temporary, file });
      return file;
    });
    for (const { file } of outputs) {
      // Set explicitly, because of the umask: the program on the parent that starts the enclave must be able to read it.
      await file.chmod(0o644);
      await file.sync();
      await file.close();
    }
    const folders = [...new Set(outputs.map(({ path }) => dirname(path)))];
    await oneAtATime(folders[0], async () => {
      // The image last: what lies beside it is then always there already.
      for (const { temporary, path } of outputs.toReversed()) await rename(temporary, path);
    });
    for (const folder of folders) await syncFolder(folder);
    return result;
  } catch (caught) {
    const error = outputs.length > 0 && isFull(caught) ? full(outputs[0]!.path, caught) : caught;
    for (const { file, temporary } of outputs) {
      await file.close().catch(() => {});
      await rm(temporary, { force: true });
    }
    throw error;
  }
}

/** Two builds into one place take turns, so that image and manifest are always of the same build. */
async function oneAtATime(folder: string | undefined, run: () => Promise<void>): Promise<void> {
  if (folder === undefined) return;
  let hasRun = false;
  const once = async (): Promise<void> => {
    hasRun = true;
    await run();
  };
  try {
    await withLock(join(folder, FOLDER_LOCK), once);
  } catch (error) {
    // File systems without hard links (FAT) have no locks of this kind.
    if (hasRun || !['EPERM', 'ENOTSUP', 'ENOSYS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await run();
  }
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

function full(path: string, cause: unknown): CaissonError<BuildErrorCode> {
  const why = (cause as NodeJS.ErrnoException).code;
  return new CaissonError('BUILD_OUTPUT', `cannot write ${path}: ${why}`, {
    cause,
    hint: 'an image is as large as the files in it and its kernel; write it where there is room, or lift the limit of the user',
  });
}

async function openNew(temporary: string, path: string): Promise<FileHandle> {
  // A rename over a folder fails when the others have been renamed already.
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined && !found.isFile() && !found.isSymbolicLink()) {
    throw new CaissonError<BuildErrorCode>('BUILD_OUTPUT', `cannot write ${path}: it is there and no file`);
  }
  try {
    return await open(temporary, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code;
    throw new CaissonError<BuildErrorCode>('BUILD_OUTPUT', `cannot write ${path}: ${why}`, {
      cause,
      ...(why === 'ENOENT' && { hint: `make the folder first: mkdir -p ${dirname(path)}` }),
    });
  }
}

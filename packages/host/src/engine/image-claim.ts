// Who is about to use an image that was built: from the moment that it was found or is being built until a record names it, nothing else says that it
// is needed. A claim is a small file beside it under the name of a process, so that a killed one's is worth nothing.
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { FOLDER_LOCK, listTemporaries, temporaryBeside, withLock } from '../file/index.ts';
import { stateFault } from '../record/index.ts';

// Chosen: anything longer is an image that is being written.
const maxClaimBytes = 64;
const maxTries = 5;

/** Of the image that is or will be at `path`; its folder is made. Resolves with what gives it up. Throws CaissonError RECORD_STATE. */
export async function claimImage(path: string): Promise<() => Promise<void>> {
  const folder = dirname(path);
  const claim = temporaryBeside(path);
  for (let tries = 1; ; tries += 1) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await lockFolder(folder, () => writeFile(claim, basename(path), { mode: 0o600 }));
      return () => rm(claim, { force: true });
    } catch (error) {
      // A prune may take an empty folder away.
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isGone || tries === maxTries) throw stateFault(`cannot write in ${folder}`, error);
    }
  }
}

/** Names of images in `folder` that living processes are about to use. */
export async function readClaims(folder: string): Promise<ReadonlySet<string>> {
  const claimed = new Set<string>();
  for (const path of (await listTemporaries(folder)).held) {
    const { size } = await stat(path).catch(() => ({ size: maxClaimBytes + 1 }));
    if (size <= maxClaimBytes) claimed.add(await readFile(path, 'latin1').catch(() => ''));
  }
  return claimed;
}

/** While nobody else claims or removes in it. What cannot be locked for want of room is done without: removing makes room. */
export async function lockFolder<Result>(folder: string, run: () => Promise<Result>): Promise<Result> {
  let hasRun = false;
  const once = async (): Promise<Result> => {
    hasRun = true;
    return await run();
  };
  try {
    return await withLock(`${folder}/${FOLDER_LOCK}`, once);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (hasRun || !['ENOSPC', 'EDQUOT', 'EPERM', 'ENOTSUP', 'ENOSYS'].includes(code)) throw error;
    return await run();
  }
}

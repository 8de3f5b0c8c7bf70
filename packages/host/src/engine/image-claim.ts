// Claims on built images. Between the moment when an image is found or built and the moment when a record names it, nothing else shows that it is
// needed. A claim is a small file beside the image, named by process, so that the claim of a killed process counts for nothing.
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { FOLDER_LOCK, type LockOptions, listTemporaries, temporaryBeside, withLock } from '../file/index.ts';
import { stateFault } from '../record/index.ts';

// Chosen: a longer file is an image that is being written.
const maxClaimBytes = 64;
const maxTries = 5;
const longestBuildMs = 3_600_000;

/** Claims the image that is or will be at `path`, and makes its folder. Resolves with what gives the claim up. Throws CaissonError RECORD_STATE. */
export async function claimImage(path: string): Promise<() => Promise<void>> {
  const folder = dirname(path);
  const claim = temporaryBeside(path);
  for (let tries = 1; ; tries += 1) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await lockFolder(folder, () => writeFile(claim, basename(path), { mode: 0o600 }));
      return () => rm(claim, { force: true });
    } catch (error) {
      // A concurrent `prune` may have removed the empty folder.
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

/**
 * Runs while nobody else claims or removes images in the folder. If the lock file cannot be written because the disk is full, it runs without:
 * removing is what makes room.
 */
export async function lockFolder<Result>(folder: string, run: () => Promise<Result>): Promise<Result> {
  return await lockWherePossible(`${folder}/${FOLDER_LOCK}`, run);
}

/**
 * Runs while nobody else builds the image at `path`; it hears whether another did before. Two who bring up one file at once would otherwise each
 * replace what the other is about to start. On a full disk it runs without the lock, and the build says so.
 */
export async function lockBuild<Result>(
  path: string,
  run: (waited: boolean) => Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  return await lockWherePossible(`${path}.lock`, run, { timeoutMs: longestBuildMs, signal });
}

async function lockWherePossible<Result>(
  path: string,
  run: (waited: boolean) => Promise<Result>,
  options: LockOptions = {},
): Promise<Result> {
  let hasRun = false;
  const once = async (waited: boolean): Promise<Result> => {
    hasRun = true;
    return await run(waited);
  };
  try {
    return await withLock(path, once, options);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (hasRun || !['ENOSPC', 'EDQUOT', 'EPERM', 'ENOTSUP', 'ENOSYS'].includes(code)) throw error;
    return await run(false);
  }
}

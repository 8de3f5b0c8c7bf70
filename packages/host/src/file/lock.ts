// One process at a time. The lock is a file with the holder's pid and start time, put in place by link(2), which only one can win. What a dead
// process left is removed by one alone too: whoever links the claim that is named after just this holding, which no other ever repeats. To rename it
// away and to look afterwards would let a second one in while a living holder's lock is aside.
import { createHash, randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { LimitError } from '@caisson/core/errors';
import type { FileErrorCode } from './error-code.ts';
import { isProcess, readProcessStart } from './process-start.ts';
import { temporaryBeside } from './replace-file.ts';

export interface LockOptions {
  /** Default 10,000. */
  readonly timeoutMs?: number;
  /** Ends the wait for the lock. Does not end what already runs under it. */
  readonly signal?: AbortSignal | undefined;
}

// Chosen.
const defaultTimeoutMs = 10_000;
// The longer the wait, the less often it looks: a hundred waiting processes would keep the holder from its work.
const leastWaitMs = 5;
const longestWaitMs = 250;
const waitPart = 0.1;
const claimDigits = 16;
const maxVanished = 100;

/**
 * Calls `run` while nobody else holds the lock at `path`, and tells it whether somebody else held the lock before. Throws LimitError FILE_LOCKED
 * with the holder's pid after `timeoutMs`, and the reason of the signal.
 */
export async function withLock<Result>(
  path: string,
  run: (waited: boolean) => Promise<Result>,
  options: LockOptions = {},
): Promise<Result> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const mine = `${process.pid} ${await readProcessStart(process.pid)} ${randomBytes(8).toString('hex')}\n`;
  const temporary = temporaryBeside(path);
  try {
    await writeFile(temporary, mine, { flag: 'wx', mode: 0o600 });
    const waited = await take(path, temporary, timeoutMs, options.signal);
    try {
      return await run(waited);
    } finally {
      // Removed only if it is still this holder's: the folder may have been moved meanwhile, and another process may have a lock at this path.
      if ((await readHolder(path).catch(() => mine)) === mine) await rm(path, { force: true });
    }
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Whether a living process holds it. */
export async function isLocked(path: string): Promise<boolean> {
  const holder = await readHolder(path);
  return holder !== undefined && (await isHeld(holder));
}

async function take(path: string, temporary: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
  const beganMs = performance.now();
  for (let tries = 0; ; tries += 1) {
    signal?.throwIfAborted();
    if (await isFirst(temporary, path)) return tries > 0;
    const holder = await readHolder(path);
    // It was released since, so even a caller with no time to wait tries again. The bound ends this for a dangling link, which exists and can never
    // be read.
    if (holder === undefined && tries < maxVanished) continue;
    if (holder !== undefined && !(await isHeld(holder)) && (await takeAway(path, holder, temporary))) continue;
    if (performance.now() - beganMs >= timeoutMs) {
      throw new LimitError<FileErrorCode>(
        'FILE_LOCKED',
        `cannot lock ${path} within ${timeoutMs} ms: process ${holder?.split(' ')[0] ?? '?'} holds it`,
        {
          hint: 'wait for it, or end it',
        },
      );
    }
    const waitMs = Math.min(longestWaitMs, Math.max(leastWaitMs, (performance.now() - beganMs) * waitPart));
    await delay(waitMs * (1 + Math.random()));
  }
}

/**
 * Removes the lock of a dead process; false while another process does it. The claim of a process that died over it is itself a dead lock, and is
 * removed in the same way.
 */
async function takeAway(path: string, dead: string, temporary: string): Promise<boolean> {
  const claim = `${path}.${createHash('sha256').update(dead).digest('hex').slice(0, claimDigits)}`;
  if (!(await isFirst(temporary, claim))) {
    const claimer = await readHolder(claim);
    if (claimer === undefined) return true;
    return !(await isHeld(claimer)) && (await takeAway(claim, claimer, temporary));
  }
  // A process may claim a lock that it read before somebody else removed it. By then the path may hold another lock, or none, so it is read again.
  if ((await readHolder(path)) === dead) await rm(path, { force: true });
  await rm(claim, { force: true });
  return true;
}

async function isFirst(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<string | undefined> {
  return await readFile(path, 'latin1').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

async function isHeld(holder: string): Promise<boolean> {
  const [pid, startTime] = holder.split(' ');
  return /^[0-9]{1,10}$/.test(pid ?? '') && (await isProcess(Number(pid), startTime ?? ''));
}

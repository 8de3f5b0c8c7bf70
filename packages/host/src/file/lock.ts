// One process at a time. The lock is a file with the holder's pid and start time, put in place by link(2), which only one can win; what a
// dead process left is taken over by renaming it away, which only one can win either.
import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { LimitError } from '@caisson/core/errors';
import type { FileErrorCode } from './error-code.ts';
import { readProcessStart } from './process-start.ts';
import { temporaryBeside } from './replace-file.ts';

export interface LockOptions {
  /** Default 10,000. */
  readonly timeoutMs?: number;
  /** Ends the waiting; what runs under the lock already is not ended by it. */
  readonly signal?: AbortSignal | undefined;
}

// Chosen.
const defaultTimeoutMs = 10_000;
const leastWaitMs = 5;

/** Runs `run` while nobody else holds the lock at `path`. Throws LimitError FILE_LOCKED with the holder's pid after `timeoutMs`, and the reason of the signal. */
export async function withLock<Result>(
  path: string,
  run: () => Promise<Result>,
  options: LockOptions = {},
): Promise<Result> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const mine = `${process.pid} ${await readProcessStart(process.pid)} ${randomBytes(8).toString('hex')}\n`;
  const temporary = temporaryBeside(path);
  try {
    await writeFile(temporary, mine, { flag: 'wx', mode: 0o600 });
    await take(path, temporary, timeoutMs, options.signal);
    try {
      return await run();
    } finally {
      await rm(path, { force: true });
    }
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Whether a process that lives holds it. */
export async function isLocked(path: string): Promise<boolean> {
  const holder = await readFile(path, 'latin1').catch(() => undefined);
  return holder !== undefined && (await isHeld(holder));
}

async function take(path: string, temporary: string, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    try {
      await link(temporary, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await readFile(path, 'latin1').catch(() => undefined);
    if (holder !== undefined && !(await isHeld(holder))) {
      await takeAway(path, holder);
      continue;
    }
    if (performance.now() >= deadline) {
      const pid = holder?.split(' ')[0] ?? '?';
      throw new LimitError<FileErrorCode>(
        'FILE_LOCKED',
        `cannot lock ${path} within ${timeoutMs} ms: process ${pid} holds it`,
        {
          hint: 'wait for it, or end it',
        },
      );
    }
    await delay(leastWaitMs * (1 + Math.random()));
  }
}

/** Between reading and renaming another may have taken over: then it is his lock that moved, and it is put back. */
async function takeAway(path: string, dead: string): Promise<void> {
  const aside = temporaryBeside(path);
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'latin1')) !== dead) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

async function isHeld(holder: string): Promise<boolean> {
  const [pid, startTime] = holder.split(' ');
  return /^[0-9]{1,10}$/.test(pid ?? '') && (await readProcessStart(Number(pid))) === startTime;
}

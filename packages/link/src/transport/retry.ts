// Trying again until a deadline, with jitter, so that many diallers of one full listener do not come back in step.
// Refuses nothing itself: the caller says which failure is worth another try.
import { setTimeout as pause } from 'node:timers/promises';

export interface RetryOptions {
  /** On the clock of `performance.now()`. */
  readonly deadlineAtMs: number;
  readonly signal?: AbortSignal | undefined;
  isTransient(error: unknown): boolean;
  /** The error to throw when time is up; `last` is the failure of the last try. */
  timedOut(last: unknown): Error;
}

// Chosen: a full backlog empties within a loop turn, a peer that still boots takes seconds.
const firstPauseMs = 2;
const longestPauseMs = 200;

export async function retryUntil<Value>(attempt: () => Promise<Value>, options: RetryOptions): Promise<Value> {
  const { signal } = options;
  for (let longestMs = firstPauseMs; ; longestMs = Math.min(longestMs * 2, longestPauseMs)) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!options.isTransient(error)) throw error;
      const waitMs = longestMs * (0.5 + Math.random() / 2);
      const leftMs = options.deadlineAtMs - performance.now();
      await interruptiblePause(Math.min(waitMs, Math.max(leftMs, 0)), signal);
      if (waitMs >= leftMs) throw options.timedOut(error);
    }
  }
}

async function interruptiblePause(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await pause(waitMs, undefined, signal === undefined ? {} : { signal });
  } catch {
    signal?.throwIfAborted();
  }
}

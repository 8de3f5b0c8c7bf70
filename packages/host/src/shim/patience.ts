// How long whoever asks a shim waits for it: a shim that is stopped, or hangs, holds nobody for ever. What it cannot be asked to do itself is done from
// outside, by its pid.
import { CaissonError } from '@caisson/core/errors';
import { STANDARD_GRACE_MS } from '../backend/stop-grace.ts';
import type { ShimErrorCode } from './error-code.ts';

export interface ShimPatience {
  readonly helloMs: number;
  /** For what it only has to look up. */
  readonly answerMs: number;
  /** Beyond the grace of an end: to let go of what it has, and of hardware that is slow. */
  readonly marginMs: number;
  /** Of silence while something is asked, after which it is asked for a sign of life; twice that ends it. */
  readonly silenceMs: number;
}

// Chosen. Three calls of nitro-cli that hang and the looks after each are less than a minute, and an end may try twice.
export const standardPatience: ShimPatience = {
  helloMs: 5_000,
  answerMs: 10_000,
  silenceMs: 10_000,
  marginMs: 120_000,
};

/** For an end with `graceMs`, as the backend takes it. */
export function patienceForEnd({ marginMs }: ShimPatience, graceMs: number = STANDARD_GRACE_MS): number {
  // What a timer can count to.
  return Math.min(graceMs + marginMs, 2 ** 31 - 1);
}

export interface Unanswered {
  readonly name: string;
  /** `stop`; undefined: nothing but who it is. */
  readonly verb?: string | undefined;
  readonly deadlineMs?: number | undefined;
  /** Of the shim, where it is known and lives. */
  readonly pid: number | undefined;
  readonly cause: unknown;
}

const silentCodes: ReadonlySet<unknown> = new Set(['CHANNEL_DEADLINE', 'CHANNEL_SILENT', 'CHANNEL_HELLO_LATE']);

export function describeUnanswered({ name, verb, deadlineMs, pid, cause }: Unanswered): CaissonError<ShimErrorCode> {
  const { code, message } = (cause ?? {}) as { readonly code?: unknown; readonly message?: string };
  const asked = verb === undefined ? '' : ` to ${verb}`;
  const isLate = code === 'CHANNEL_DEADLINE' && deadlineMs !== undefined;
  const why = isLate ? ` within ${deadlineMs} ms` : `: ${message ?? String(cause)}`;
  const text = `the shim of enclave ${name} gave no answer${asked}${why}`;
  if (!silentCodes.has(code)) {
    const hint = `caisson ps shows whether ${name} still runs; log/shim.log of its folder has what its shim said last`;
    return new CaissonError('SHIM_LOST', text, { cause, hint });
  }
  // It lives and cannot be asked, and so a second command would wait as long.
  const kill = pid === undefined ? 'end its process (shim.pid in its folder)' : `kill -9 ${pid}`;
  const hint = `${kill}, then caisson rm -f ${name}, which ends what its shim leaves`;
  return new CaissonError('SHIM_LOST', `${text}; the enclave may still run`, { cause, hint });
}

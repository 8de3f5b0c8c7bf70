// How long a caller waits for a shim. A shim that is stopped or hangs must hold nobody for ever; the error then says how to end its process from
// outside.
import { CaissonError } from '@caisson/core/errors';
import { STANDARD_GRACE_MS } from '../backend/stop-grace.ts';
import type { ShimErrorCode } from './error-code.ts';

export interface ShimPatience {
  readonly helloMs: number;
  /** For a question that the shim answers from memory. */
  readonly answerMs: number;
  /** Added to the grace of an end: time to release what the enclave has, on hardware that is slow. */
  readonly marginMs: number;
  /** After this much silence during a request the shim is asked for a sign of life; after twice as much it counts as lost. */
  readonly silenceMs: number;
}

// Chosen. The margin: three hanging calls of nitro-cli and the checks after each take less than a minute, and an end may be tried twice.
export const standardPatience: ShimPatience = {
  helloMs: 5_000,
  answerMs: 10_000,
  silenceMs: 10_000,
  marginMs: 120_000,
};

/** How long an end with this `graceMs` may take in all. */
export function patienceForEnd({ marginMs }: ShimPatience, graceMs: number = STANDARD_GRACE_MS): number {
  // Given: the longest delay of a timer.
  return Math.min(graceMs + marginMs, 2 ** 31 - 1);
}

export interface Unanswered {
  readonly name: string;
  /** The verb that was asked, for example `stop`; undefined while only hello was exchanged. */
  readonly verb?: string | undefined;
  readonly deadlineMs?: number | undefined;
  /** Pid of the shim, where it is known and alive. */
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
  // The process lives and does not answer: a second command would only wait as long, so the hint ends it by pid.
  const kill = pid === undefined ? 'end its process (shim.pid in its folder)' : `kill -9 ${pid}`;
  const hint = `${kill}, then caisson rm -f ${name}, which ends what its shim leaves`;
  return new CaissonError('SHIM_LOST', `${text}; the enclave may still run`, { cause, hint });
}

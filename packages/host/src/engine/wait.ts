// `wait`: until an enclave of this host is ready, or has ended.
import { setTimeout as pause } from 'node:timers/promises';
import { CaissonError } from '@caisson/core/errors';
import { ENDED_PHASES, findRecord, type RecordedState } from '../record/index.ts';
import type { WaitCommand } from './command.ts';
import type { EngineContext } from './context.ts';
import type { EngineErrorCode } from './error-code.ts';
import type { WaitResult } from './result.ts';

// Chosen: each look reads one small file.
const lookMs = 100;

/** `reached` is false when time is up, and when the enclave ended before it was ready. Throws CaissonError RECORD_UNKNOWN, ENGINE_RUNNING. */
export async function wait(
  { name, until, timeoutMs }: WaitCommand,
  { state, signal }: EngineContext,
): Promise<WaitResult> {
  const beganMs = performance.now();
  for (;;) {
    signal?.throwIfAborted();
    const last = await lookAt(state, name);
    const waitedMs = Math.round(performance.now() - beganMs);
    const hasEnded = ENDED_PHASES.includes(last.phase);
    const reached = until === 'ready' ? last.phase === 'ready' : hasEnded;
    if (reached || hasEnded || waitedMs >= timeoutMs) return { name, reached, state: last, waitedMs };
    await pause(Math.min(lookMs, timeoutMs - waitedMs), undefined, signal === undefined ? {} : { signal }).catch(
      () => {},
    );
  }
}

async function lookAt(state: string, name: string): Promise<RecordedState> {
  const { state: last, fault } = await findRecord(state, name);
  if (last !== undefined) return last;
  if (fault !== undefined) throw fault;
  throw new CaissonError<EngineErrorCode>(
    'ENGINE_RUNNING',
    `enclave ${name} must run or have run, got a record that was never started`,
    {
      hint: `caisson restart ${name} starts it`,
    },
  );
}

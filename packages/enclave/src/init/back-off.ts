// How long a service waits before it is started again, and when it is given up (P-I3).
import type { MeasuredService } from '@caisson/core/measured';
import type { ServiceMemory } from './service-state.ts';

type BackOffTerms = Pick<MeasuredService, 'restartDelayMs' | 'startLimit'>;

// Chosen. Jitter keeps services that fell together from rising together.
const maxDelayMs = 30_000;
const jitterShare = 0.1;

export const HEALTHY_AFTER_MS = 60_000;

export function freshMemory({ restartDelayMs }: BackOffTerms): ServiceMemory {
  return { launches: 0, delayMs: restartDelayMs, recent: [], end: null };
}

/** As if it had never failed: after a healthy minute (`recent` stays), or when a person asks. */
export function calmMemory(memory: ServiceMemory, terms: BackOffTerms): ServiceMemory {
  return { ...memory, delayMs: freshMemory(terms).delayMs };
}

export function afterLaunch(memory: ServiceMemory, { startLimit }: BackOffTerms, nowMs: number): ServiceMemory {
  const since = nowMs - startLimit.windowMs;
  const recent = [...memory.recent, nowMs].filter((time) => time > since).slice(-startLimit.count);
  return { ...memory, launches: memory.launches + 1, recent };
}

/** Whether one launch more would be over StartLimit. */
export function isSpent(memory: ServiceMemory, { startLimit }: BackOffTerms, nowMs: number): boolean {
  return memory.recent.filter((time) => time > nowMs - startLimit.windowMs).length >= startLimit.count;
}

/** The delay to wait now, with jitter, and the memory with the next one. `random`: 0..1. */
export function takeDelay(
  memory: ServiceMemory,
  { restartDelayMs }: BackOffTerms,
  random: number,
): { delayMs: number; memory: ServiceMemory } {
  const delayMs = Math.round(memory.delayMs * (1 - jitterShare + 2 * jitterShare * random));
  // RestartSec is the least delay too, so one above the bound stays what it is.
  const nextMs = Math.min(Math.max(memory.delayMs, 1) * 2, Math.max(maxDelayMs, restartDelayMs));
  return { delayMs, memory: { ...memory, delayMs: nextMs } };
}

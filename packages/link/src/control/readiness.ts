// Whether the enclave is ready, as the gate of the channel asks it: verbs that carry data wait for it, and learn the phase where it does not come.
import { PolicyError } from '@caisson/core/errors';
import type { Phase } from '../ready/messages.ts';
import type { ControlErrorCode } from './error-code.ts';

export interface Readiness {
  phase(): Phase;
  /** Tells of every change until the returned function is called. */
  watch(listener: () => void): () => void;
}

/** At once where it can never come again. Rejects PolicyError CONTROL_NOT_READY, and with the signal's reason. */
export async function awaitReady(readiness: Readiness, timeoutMs: number, signal: AbortSignal): Promise<void> {
  if (isReady(readiness.phase())) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const refuse = (): void => reject(notReady(readiness.phase()));
  const look = (): void => {
    const phase = readiness.phase();
    if (isReady(phase)) resolve();
    else if (phase === 'failed' || phase === 'stopping') refuse();
  };
  const onAbort = (): void => reject(signal.reason);
  const unwatch = readiness.watch(look);
  const timer = setTimeout(refuse, timeoutMs);
  signal.addEventListener('abort', onAbort, { once: true });
  look();
  try {
    await promise;
  } finally {
    unwatch();
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** `degraded`: what a requirement of the whole is up; an operator must be able to mend the rest. */
export function isReady(phase: Phase): boolean {
  return phase === 'ready' || phase === 'degraded';
}

function notReady(phase: Phase): PolicyError<ControlErrorCode> {
  return new PolicyError('CONTROL_NOT_READY', `enclave must be ready for this, got phase ${phase}`);
}

// What an enclave ends with when its services have: an image whose work is done, or cannot be done, has no reason to stay.
import type { ReasonCode } from '@caisson/link/ready';
import type { ServiceEntry } from './service-entry.ts';

export interface Outcome {
  /** 0..255. */
  readonly exit: number;
  readonly code: ReasonCode;
}

/**
 * Undefined while something runs, will run, or was put aside by a person. Built-in services serve the others and do not count. One that
 * failed decides, `app` before others: its code, or 128 and its signal, or 1.
 */
export function outcomeOf(entries: readonly ServiceEntry[]): Outcome | undefined {
  const counted = entries.filter(({ service, enabled, wanted }) => !service.builtIn && (enabled || wanted));
  if (counted.length === 0) return undefined;
  if (!counted.every(({ wanted, state }) => wanted && (state.phase === 'exited' || state.phase === 'failed')))
    return undefined;
  const failed = counted.filter(({ state }) => state.phase === 'failed');
  const first = failed.find(({ service }) => service.name === 'app') ?? failed.find(isOwnFault) ?? failed[0];
  if (first === undefined || first.state.phase !== 'failed') return { exit: 0, code: 'stopped' };
  const { code, exit, signal } = first.state.fault;
  return { exit: exit || (signal === undefined ? 1 : 128 + signal), code };
}

/** Not for want of another. */
function isOwnFault({ state }: ServiceEntry): boolean {
  return state.phase === 'failed' && state.fault.requirement === undefined;
}

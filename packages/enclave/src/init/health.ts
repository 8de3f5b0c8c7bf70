// What the phases of all services amount to for who looks from outside (docs/wire/health.md): closed words and names, nothing else.
import type { Phase, ReadyReason } from '@caisson/link/ready';
import type { ServiceFault, ServiceState } from './service-state.ts';

export interface HealthPart {
  readonly name: string;
  readonly state: ServiceState;
  /** Asked to be up: others say nothing about the enclave's health. */
  readonly wanted: boolean;
}

export interface Health {
  readonly phase: Extract<Phase, 'services' | 'ready' | 'degraded'>;
  readonly reasons: readonly ReadyReason[];
}

/**
 * `services` until every service that is asked for has been ready once (or has failed), then `ready` or `degraded`. A restart that
 * was asked for, or that follows a crash, is `degraded` until it is ready again: a caller that is turned away must see why.
 */
export function judgeHealth(parts: readonly HealthPart[], wasUp: boolean): Health {
  const reasons: ReadyReason[] = [];
  let failed = false;
  for (const { name, state, wanted } of parts) {
    if (!wanted || state.phase === 'ready' || state.phase === 'exited') continue;
    if (state.phase === 'failed') failed = true;
    reasons.push(reasonOf(name, state));
  }
  if (reasons.length === 0) return { phase: 'ready', reasons };
  return { phase: wasUp || failed ? 'degraded' : 'services', reasons };
}

export function reasonOf(name: string, state: ServiceState): ReadyReason {
  if (state.phase === 'failed') return toReason(name, state.fault);
  const { end } = state.memory;
  if (state.phase === 'backoff' && end !== null) {
    const how = end.kind === 'exit' ? { exit: end.code } : { signal: end.signal };
    return { code: 'service-exited', service: name, ...how };
  }
  return { code: state.phase === 'backoff' ? 'service-failed' : 'service-starting', service: name };
}

/** Without the requirement's name: that one has a reason of its own. */
function toReason(service: string, { code, exit, signal }: ServiceFault): ReadyReason {
  return { code, service, ...(exit === undefined ? {} : { exit }), ...(signal === undefined ? {} : { signal }) };
}

/** For people: `start-limit, exit 1`, `requires db, which is not there`. */
export function describeFault({ code, exit, signal, requirement }: ServiceFault): string {
  if (requirement !== undefined) return `requires ${requirement}, which is not up`;
  if (exit !== undefined) return `${code}, exit ${exit}`;
  return signal === undefined ? code : `${code}, signal ${signal}`;
}

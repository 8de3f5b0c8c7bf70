// What the supervisor knows of one service beside its machine.
import type { MeasuredService } from '@caisson/core/measured';
import type { ServiceView } from '@caisson/link/init';
import type { ProcessIdentity } from '@caisson/sys';
import { freshMemory } from './back-off.ts';
import type { Timer } from './clock.ts';
import { reasonOf } from './health.ts';
import { isActive, processOf, type ServiceState } from './service-state.ts';

export interface ServiceEntry {
  service: MeasuredService;
  state: ServiceState;
  /** For this boot: the image is measured. */
  enabled: boolean;
  /** To be up, by its file or by a person. */
  wanted: boolean;
  timer: Timer | undefined;
  probe: { stop(): void } | undefined;
  /** STATUS= of its notify lines. */
  statusText: string | null;
  /** Processes that have ended and whose entries PID 1 still keeps, so that the next one gets the same FIFOs. */
  readonly ended: ProcessIdentity[];
  /** A definition from a reload, taken once no process of the old one runs; `null`: it goes. */
  replacement: MeasuredService | null | undefined;
}

export function createEntry(service: MeasuredService): ServiceEntry {
  return {
    service,
    state: { phase: 'down', memory: freshMemory(service) },
    enabled: service.enabled,
    wanted: false,
    timer: undefined,
    probe: undefined,
    statusText: null,
    ended: [],
    replacement: undefined,
  };
}

export function viewOf(entry: ServiceEntry, nowMs: number): ServiceView {
  const { service, state } = entry;
  const process = processOf(state);
  return {
    name: service.name,
    enabled: entry.enabled,
    phase: state.phase,
    active: isActive(state),
    pid: process?.pid ?? null,
    uptimeMs: 'sinceMs' in state ? Math.max(0, nowMs - state.sinceMs) : null,
    restartPolicy: service.restart,
    restartCount: Math.max(0, state.memory.launches - 1),
    restartDelayMs: service.restartDelayMs,
    end: state.memory.end,
    reason: state.phase === 'failed' || state.phase === 'backoff' ? reasonOf(service.name, state) : null,
    statusText: entry.statusText,
    argv: service.argv,
    workingDirectory: service.workingDirectory,
    before: service.before,
    after: service.after,
    requires: service.requires,
    requiredBy: service.requiredBy,
  };
}

export function isSameProcess(left: ProcessIdentity | undefined, right: ProcessIdentity): boolean {
  return left !== undefined && left.pid === right.pid && left.startTime === right.startTime;
}

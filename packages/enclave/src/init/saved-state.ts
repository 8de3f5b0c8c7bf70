// What a supervisor leaves for the one after it, beside PID 1's table: which services were ready, asked for, given up. A file of
// tmpfs, written whole; without it, or with one that is not ours, services are taken as their files say. It is no secret and no
// authority: whoever can write it is root in the enclave.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { ProcessIdentity } from '@caisson/sys';
import type { ServiceEntry } from './service-entry.ts';
import { isSameProcess } from './service-entry.ts';
import { processOf, type ServiceFault } from './service-state.ts';

export interface SavedService {
  readonly pid: number | null;
  readonly startTime: number;
  readonly ready: boolean;
  readonly wanted: boolean;
  readonly enabled: boolean;
  readonly launches: number;
  /** Set when it ended for good. */
  readonly over: 'exited' | ServiceFault | null;
}

export type SavedServices = Readonly<Record<string, SavedService>>;

// Given: this program's own bound of services, each far below a KiB.
const maxBytes = 1 << 20;

export function saveServices(path: string, entries: Iterable<ServiceEntry>): void {
  const services = Object.fromEntries([...entries].map((entry) => [entry.service.name, toSaved(entry)]));
  const temporary = `${path}.new`;
  writeFileSync(temporary, JSON.stringify({ v: 1, services }), { mode: 0o600 });
  renameSync(temporary, path);
}

/** Undefined when there is none or it cannot be understood. */
export function readSavedServices(path: string): SavedServices | undefined {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > maxBytes) return undefined;
    const { v, services } = JSON.parse(bytes.toString()) as { v?: unknown; services?: SavedServices };
    return v === 1 && typeof services === 'object' && services !== null ? services : undefined;
  } catch {
    return undefined;
  }
}

export function wasReady(saved: SavedServices | undefined, name: string, process: ProcessIdentity): boolean {
  const one = saved?.[name];
  if (one === undefined || one.pid === null || !one.ready) return false;
  return isSameProcess(process, { pid: one.pid, startTime: one.startTime });
}

function toSaved({ state, wanted, enabled }: ServiceEntry): SavedService {
  const process = processOf(state);
  const over = state.phase === 'exited' ? 'exited' : state.phase === 'failed' ? state.fault : null;
  return {
    pid: process?.pid ?? null,
    startTime: process?.startTime ?? 0,
    ready: state.phase === 'ready',
    wanted,
    enabled,
    launches: state.memory.launches,
    over,
  };
}

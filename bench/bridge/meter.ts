// CPU time of a process and everything it starts, in nanoseconds: a cpuacct or cgroup v2 group where root may make one, else the
// clock ticks of /proc, which miss short-lived children.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Meter {
  readonly kind: 'cpuacct' | 'proc';
  add(pid: number): void;
  /** Since the meter was made. */
  cpuNs(): number;
  /** Memory of the processes, proportional set size, bytes. */
  memoryBytes(): number;
  close(): void;
}

const groups = '/sys/fs/cgroup/cpuacct';
const tickNs = 10_000_000;

export function createMeter(name: string): Meter {
  const group = join(groups, `caisson-bench-${process.pid}-${name}`);
  const pids: number[] = [];
  try {
    mkdirSync(group);
  } catch {
    return {
      kind: 'proc',
      add: (pid) => void pids.push(pid),
      cpuNs: () => pids.reduce((sum, pid) => sum + ticks(pid) * tickNs, 0),
      memoryBytes: () => pids.reduce((sum, pid) => sum + memory(pid), 0),
      close() {},
    };
  }
  const members = (): number[] =>
    readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  return {
    kind: 'cpuacct',
    add: (pid) => writeFileSync(join(group, 'cgroup.procs'), String(pid)),
    cpuNs: () => Number(readFileSync(join(group, 'cpuacct.usage'), 'utf8')),
    memoryBytes: () => members().reduce((sum, pid) => sum + memory(pid), 0),
    close() {
      // A killed member may still be on its way out; an empty group that stays is swept at the next run.
      try {
        rmdirSync(group);
      } catch {}
    },
  };
}

/** Removes groups that earlier runs left behind. */
export function sweepMeters(): void {
  if (!existsSync(groups)) return;
  for (const name of readdirSync(groups)) {
    if (!name.startsWith('caisson-bench-')) continue;
    try {
      rmdirSync(join(groups, name));
    } catch {}
  }
}

function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
}

function memory(pid: number): number {
  const match = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  return Number(match?.[1] ?? 0) * 1024;
}

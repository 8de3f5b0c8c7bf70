// CPU time and memory of a process and everything it starts. CPU: nanoseconds of a cpuacct group (cgroup v1) or the `usage_usec`
// of a cgroup v2 one where root may make it, else the clock ticks of /proc, which miss children that came and went.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

export interface Meter {
  readonly kind: 'cgroup' | 'proc';
  /** The command that runs `command` as a member from its first instruction on. */
  wrap(command: readonly string[]): readonly string[];
  /** Who is measured where there is no group. */
  add(pid: number): void;
  pids(): number[];
  /** Since the meter was made. */
  cpuNs(): number;
  /** Memory of the processes, proportional set size, bytes. */
  memoryBytes(): number;
  close(): void;
}

const roots = ['/sys/fs/cgroup/cpuacct', '/sys/fs/cgroup'].filter((path) => existsSync(join(path, 'cgroup.procs')));
const prefix = 'caisson-bench-';
const tickNs = 10_000_000;

export function createMeter(name: string): Meter {
  const group = join(roots[0] ?? '', `${prefix}${process.pid}-${name}`);
  try {
    mkdirSync(group);
  } catch {
    return createProcMeter();
  }
  return {
    kind: 'cgroup',
    wrap: (command) => ['sh', '-c', 'echo $$ >"$0" && exec "$@"', join(group, 'cgroup.procs'), ...command],
    add() {},
    pids: () => members(group),
    cpuNs: () => usageNs(group),
    memoryBytes: () => members(group).reduce((sum, pid) => sum + memory(pid), 0),
    close: () => remove(group),
  };
}

/** Ends what earlier runs left behind: members of their groups, and the groups. A run that is alive keeps its own. */
export async function sweepMeters(): Promise<void> {
  const root = roots[0];
  if (root === undefined) return;
  for (const name of readdirSync(root)) {
    const owner = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (owner === undefined || (existsSync(`/proc/${owner}`) && Number(owner) !== process.pid)) continue;
    const group = join(root, name);
    for (const pid of members(group)) process.kill(pid, 'SIGKILL');
    // A killed member stays in its group until it is gone.
    for (let look = 0; look < 50 && members(group).length > 0; look += 1) await setTimeout(20);
    remove(group);
  }
}

function createProcMeter(): Meter {
  const pids: number[] = [];
  return {
    kind: 'proc',
    wrap: (command) => command,
    add: (pid) => void pids.push(pid),
    pids: () => pids,
    cpuNs: () => pids.reduce((sum, pid) => sum + ticks(pid) * tickNs, 0),
    memoryBytes: () => pids.reduce((sum, pid) => sum + memory(pid), 0),
    close() {},
  };
}

function members(group: string): number[] {
  return readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
}

function usageNs(group: string): number {
  const first = join(group, 'cpuacct.usage');
  if (existsSync(first)) return Number(readFileSync(first, 'utf8'));
  return Number(/^usage_usec (\d+)/m.exec(readFileSync(join(group, 'cpu.stat'), 'utf8'))?.[1]) * 1_000;
}

// A killed member may still be on its way out; a group that stays is swept at the next run.
function remove(group: string): void {
  try {
    rmdirSync(group);
  } catch {}
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

// The processes of the enclave as /proc has them (proc(5)), for who asks over the control socket. One that ends while it is read is left
// out.
import { readdir, readFile } from 'node:fs/promises';
import type { ProcessView } from '@caisson/link/init';

export interface ProcessReading extends Omit<ProcessView, 'managed' | 'serviceName'> {
  /** The leader's pid is that of the process that PID 1 started. */
  readonly session: number;
}

// Given: USER_HZ, which every Linux of ours has (proc_pid_stat(5) counts in it).
const ticksPerSecond = 100;
// Chosen: as much of a command line as a table shows.
const maxCmdlineCharacters = 4_096;

export async function readProcesses(root = '/proc'): Promise<readonly ProcessReading[]> {
  const names = (await readdir(root)).filter((name) => /^[0-9]+$/.test(name));
  const bootSeconds = await readBootTime(root);
  const uptimeSeconds = Number.parseFloat(await readFile(`${root}/uptime`, 'utf8'));
  const found: ProcessReading[] = [];
  for (const name of names) {
    const one = await readOne(Number(name), root, bootSeconds, uptimeSeconds);
    if (one !== undefined) found.push(one);
  }
  return found;
}

/** Of those, what came of `first`, and itself: where the enclave has no processes of its own, the others are the machine's. */
export function onlyFamily(readings: readonly ProcessReading[], first: number): readonly ProcessReading[] {
  const parents = new Map(readings.map(({ pid, ppid }) => [pid, ppid]));
  const isOfIt = (pid: number): boolean => {
    // No longer than there are processes: what was read one after the other could be a circle.
    for (let at: number | undefined = pid, left = parents.size; at !== undefined && left >= 0; left -= 1) {
      if (at === first) return true;
      at = parents.get(at);
    }
    return false;
  };
  return readings.filter(({ pid }) => isOfIt(pid));
}

/** Undefined when no such process runs. */
export async function readProcess(pid: number, root = '/proc'): Promise<ProcessReading | undefined> {
  const uptimeSeconds = Number.parseFloat(await readFile(`${root}/uptime`, 'utf8'));
  return await readOne(pid, root, await readBootTime(root), uptimeSeconds);
}

async function readOne(
  pid: number,
  root: string,
  bootSeconds: number,
  uptimeSeconds: number,
): Promise<ProcessReading | undefined> {
  try {
    const [stat, cmdline, status] = await Promise.all(
      ['stat', 'cmdline', 'status'].map((file) => readFile(`${root}/${pid}/${file}`, 'utf8')),
    );
    return parseProcess(pid, stat ?? '', cmdline ?? '', status ?? '', bootSeconds, uptimeSeconds);
  } catch {
    return undefined;
  }
}

export function parseProcess(
  pid: number,
  stat: string,
  cmdline: string,
  status: string,
  bootSeconds: number,
  uptimeSeconds: number,
): ProcessReading | undefined {
  // The name may hold anything, parentheses too; what follows the last one is numbers.
  const [open, close] = [stat.indexOf('('), stat.lastIndexOf(')')];
  if (open === -1 || close < open) return undefined;
  const fields = stat.slice(close + 2).split(' ');
  // Fields 3, 4, 6, 14, 15 and 22 of the page, counted from the third.
  const at = (field: number): number => Number(fields[field - 3] ?? 0);
  const startSeconds = at(22) / ticksPerSecond;
  const livedSeconds = Math.max(uptimeSeconds - startSeconds, 1 / ticksPerSecond);
  const name = stat.slice(open + 1, close);
  const words = cmdline.split('\0').join(' ').trim().slice(0, maxCmdlineCharacters);
  return {
    pid,
    ppid: at(4),
    name,
    cmdline: words === '' ? `[${name}]` : words,
    state: fields[0] ?? '?',
    cpuPercent: Math.round(((at(14) + at(15)) / ticksPerSecond / livedSeconds) * 1_000) / 10,
    memoryKb: Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1] ?? 0),
    startTime: Math.floor(bootSeconds + startSeconds),
    session: at(6),
  };
}

async function readBootTime(root: string): Promise<number> {
  return Number(/^btime ([0-9]+)$/m.exec(await readFile(`${root}/stat`, 'utf8'))?.[1] ?? 0);
}

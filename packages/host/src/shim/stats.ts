// CPU time and memory that an enclave costs this machine: its processes and their descendants, as the kernel counts them. On Nitro there are none,
// because an enclave's memory and CPUs are not the parent's any more.
import { readdir, readFile } from 'node:fs/promises';

export interface ProcessCost {
  readonly cpuMs: number;
  readonly residentBytes: number;
}

// Given: proc(5), and the clock tick and page of every Linux that Node runs on here.
const tickMs = 10;
const pageBytes = 4096;

/** Sum over `pids` and their descendants. A process that ends meanwhile counts with what was read of it. */
export async function readProcessCost(pids: readonly number[]): Promise<ProcessCost> {
  const all = new Map<number, { readonly parent: number; readonly cpuMs: number; readonly residentBytes: number }>();
  for (const name of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const number = (index: number): number => Number(fields[index] ?? 0);
    // Fields 4, 14 to 17 and 24 of proc_pid_stat(5), which counts from 1; two are cut off before. 16 and 17 are times of children that were waited
    // for.
    const ticks = number(11) + number(12) + number(13) + number(14);
    all.set(Number(name), { parent: number(1), cpuMs: ticks * tickMs, residentBytes: number(21) * pageBytes });
  }
  const isBelow = (pid: number, depth = 0): boolean => {
    if (pids.includes(pid)) return true;
    const parent = all.get(pid)?.parent ?? 0;
    return parent > 0 && depth < all.size && isBelow(parent, depth + 1);
  };
  let cost: ProcessCost = { cpuMs: 0, residentBytes: 0 };
  for (const [pid, { cpuMs, residentBytes }] of all) {
    if (!isBelow(pid)) continue;
    cost = { cpuMs: cost.cpuMs + cpuMs, residentBytes: cost.residentBytes + residentBytes };
  }
  return cost;
}

// What an enclave costs this machine: its processes and theirs, as the kernel counts them. None on nitro, whose memory and CPUs are not this machine's any more.
import { readdir, readFile } from 'node:fs/promises';

export interface ProcessCost {
  readonly cpuMs: number;
  readonly residentBytes: number;
}

// Given: proc(5), and the clock tick and page of every Linux that Node runs on here.
const tickMs = 10;
const pageBytes = 4096;

/** Of `pids` and everything below them. A process that ends meanwhile counts as far as it was seen. */
export async function readProcessCost(pids: readonly number[]): Promise<ProcessCost> {
  const all = new Map<number, { readonly parent: number; readonly cpuMs: number; readonly residentBytes: number }>();
  for (const name of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const number = (index: number): number => Number(fields[index] ?? 0);
    // Fields 4, 14 to 17 and 24, counted from 1 with two before the cut; 16 and 17 are of children that were waited for.
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

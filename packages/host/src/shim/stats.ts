// CPU time and memory that an enclave costs this machine: its processes and their descendants, as the kernel counts them. On Nitro there are none,
// because an enclave's memory and CPUs are not the parent's any more.
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';

export interface ProcessCost {
  readonly cpuMs: number;
  readonly residentBytes: number;
}

// Given: proc(5), and the clock tick of every Linux that Node runs on here. Pages have 64 KiB on some arm64 kernels.
const tickMs = 10;
const pageBytes = readPageBytes(() => readFileSync('/proc/self/auxv'));

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

/** AT_PAGESZ of the auxiliary vector (getauxval(3)): pairs of 64-bit words, a type and its value; 4,096 where it cannot be read. */
export function readPageBytes(readVector: () => Uint8Array): number {
  try {
    const vector = Buffer.from(readVector());
    for (let at = 0; at + 16 <= vector.length; at += 16) {
      if (vector.readBigUInt64LE(at) === 6n) return Number(vector.readBigUInt64LE(at + 8));
    }
  } catch {
    // Another user's, or no Linux: as most machines have it.
  }
  return 4_096;
}

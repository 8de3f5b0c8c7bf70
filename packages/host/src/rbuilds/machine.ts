// What fits this machine: what its allocator already sets aside, else a part of what it has. The reference's own defaults, 64 processors
// and 819 GiB, fit almost no machine.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export const ALLOCATOR_FILE = 'etc/nitro_enclaves/allocator.yaml';
export const OS_RELEASE_FILE = 'etc/os-release';

export interface Machine {
  readonly totalMiB: number;
  readonly processors: number;
}

export interface MachineFit {
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly from: 'allocator.yaml' | 'this machine';
}

// Chosen.
const maxFileBytes = 1_048_576;
const stepMiB = 64;

/** undefined where there is none, or more than `maxFileBytes`. */
export function readMachineFile(root: string, path: string): string | undefined {
  try {
    const place = join(root, path);
    // Files of /proc say that they have no bytes.
    return statSync(place).size > maxFileBytes ? undefined : readFileSync(place, 'utf8').slice(0, maxFileBytes);
  } catch {
    return undefined;
  }
}

export function readMachine(root = '/'): Machine {
  const kiB = /^MemTotal:\s+(\d+) kB$/m.exec(readMachineFile(root, 'proc/meminfo') ?? '')?.[1] ?? '0';
  const processors = (readMachineFile(root, 'proc/cpuinfo') ?? '').match(/^processor\s*:/gm)?.length ?? 1;
  return { totalMiB: Math.floor(Number(kiB) / 1_024), processors };
}

export function fitMachine(root = '/'): MachineFit {
  const { totalMiB, processors } = readMachine(root);
  const set = readAllocator(root);
  if (set !== undefined) return { ...set, from: 'allocator.yaml' };
  const half = Math.max(stepMiB, Math.floor(totalMiB / 2 / stepMiB) * stepMiB);
  // The parent keeps one core, which is two processors; enclaves have whole cores.
  const left = Math.max(1, processors - 2);
  return { memoryMiB: half, cpus: left > 1 ? left - (left % 2) : left, from: 'this machine' };
}

function readAllocator(root: string): { memoryMiB: number; cpus: number } | undefined {
  const text = readMachineFile(root, ALLOCATOR_FILE);
  if (text === undefined) return undefined;
  try {
    const { memory_mib: memoryMiB, cpu_count: cpus } = (parse(text) ?? {}) as Readonly<Record<string, unknown>>;
    const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
    return isCount(memoryMiB) && isCount(cpus) ? { memoryMiB, cpus } : undefined;
  } catch {
    // make_nitro refuses it with its line; here it only says nothing.
    return undefined;
  }
}

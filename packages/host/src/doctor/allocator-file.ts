// /etc/nitro_enclaves/allocator.yaml as its service reads it. It reads less than YAML: nothing before a line `---`, no key it does not know.
import { parseDocument } from 'yaml';
import * as z from 'zod';
import { parseCpuList } from '../backend-nitro/index.ts';
import type { Machine } from './machine.ts';

export const ALLOCATOR_FILE = '/etc/nitro_enclaves/allocator.yaml';
export const RESTART_ALLOCATOR = 'sudo systemctl restart nitro-enclaves-allocator';

export interface AllocatorPool {
  readonly memoryMiB: number;
  /** One of the two. */
  readonly cpuCount: number | undefined;
  readonly cpuPool: readonly number[] | undefined;
}

export interface AllocatorFile {
  /** Null: there is no file, or none that can be read. */
  readonly pools: readonly AllocatorPool[] | null;
  readonly faults: readonly string[];
}

// Given: the service.
const most = 4;
const pool = z.strictObject({
  memory_mib: z.int().nonnegative(),
  cpu_count: z.int().nonnegative().optional(),
  cpu_pool: z.union([z.string(), z.int().nonnegative()]).optional(),
});
const file = z.union([pool.transform((one) => [one]), z.array(pool).min(1)]);

/** Null: there is no file. */
export function readAllocatorFile(machine: Machine): AllocatorFile | null {
  const text = machine.readText(ALLOCATOR_FILE);
  if (text === undefined) return machine.stat(ALLOCATOR_FILE) === undefined ? null : nothing('it cannot be read');
  const document = parseDocument(text);
  const [broken] = document.errors;
  if (broken !== undefined) return nothing(`it is no YAML: ${broken.message.split('\n', 1)[0]}`);
  let read: ReturnType<typeof file.safeParse>;
  try {
    read = file.safeParse(document.toJS({ maxAliasCount: 0 }));
  } catch {
    return nothing('it is no plain YAML');
  }
  if (!read.success) {
    const [issue] = read.error.issues;
    const inner = issue?.code === 'invalid_union' ? issue.errors[0]?.[0] : issue;
    return nothing(`its form is another: ${inner?.message ?? 'memory_mib and cpu_count or cpu_pool'}`);
  }
  const pools = read.data.map(({ memory_mib: memoryMiB, cpu_count: cpuCount, cpu_pool: list }) => ({
    memoryMiB,
    cpuCount,
    cpuPool: list === undefined ? undefined : parseCpuList(String(list)),
  }));
  const faults = pools.flatMap(({ cpuCount, cpuPool }) => {
    if ((cpuCount === undefined) === (cpuPool === undefined)) return ['it must have one of cpu_count and cpu_pool'];
    return [];
  });
  // The older service reads nothing at all without it, and then says that memory_mib is missing.
  if (!/^---\s*$/m.test(text)) faults.push('it has no line ---, before which the service reads nothing');
  if (pools.length > most) faults.push(`it has ${pools.length} pools, and a parent has at most ${most} enclaves`);
  return { pools, faults };
}

function nothing(fault: string): AllocatorFile {
  return { pools: null, faults: [fault] };
}

export function memoryOf(pools: readonly AllocatorPool[]): number {
  return pools.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0);
}

export function cpusOf(pools: readonly AllocatorPool[]): number {
  return pools.reduce((sum, { cpuCount = 0, cpuPool = [] }) => sum + cpuCount + cpuPool.length, 0);
}

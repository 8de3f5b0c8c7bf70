// Processors of a machine: which there are, of which node and core. The enclave driver takes processors offline, and the kernel then forgets whose
// siblings they were; those are paired again by the distance that the others have.
import { parseCpuList } from '../backend-nitro/index.ts';
import type { Machine } from './machine.ts';

export interface Core {
  readonly node: number;
  /** Ids of its processors, ascending. */
  readonly cpus: readonly number[];
}

export interface Cpus {
  /** CPUs that run this machine, and those that the driver has taken. Others are offline and cannot be given to an enclave. */
  readonly present: readonly number[];
  readonly online: readonly number[];
  /** Cores by their first processor, offline ones included. */
  readonly cores: readonly Core[];
  readonly threadsPerCore: number;
}

const folder = '/sys/devices/system/cpu';

/** `pool`: what the driver has. */
export function readCpus(machine: Machine, pool: readonly number[]): Cpus {
  const list = (path: string): number[] => parseCpuList(machine.readText(path) ?? '');
  const online = list(`${folder}/online`);
  const present = list(`${folder}/present`).filter((cpu) => online.includes(cpu) || pool.includes(cpu));
  const siblings = new Map(
    online.map((cpu) => {
      const found = list(`${folder}/cpu${cpu}/topology/thread_siblings_list`);
      return [cpu, found.length === 0 ? [cpu] : found] as const;
    }),
  );
  const threadsPerCore = Math.max(1, ...[...siblings.values()].map(({ length }) => length));
  const strides = [...siblings.values()]
    .filter(({ length }) => length === threadsPerCore)
    .map(([a = 0, b = a]) => b - a);
  const stride = strides[0] ?? 0;
  const offline = present.filter((cpu) => !siblings.has(cpu));
  const cores = new Map<number, Core>();
  for (const cpu of present) {
    const own = siblings.get(cpu) ?? pair(cpu, offline, threadsPerCore, stride);
    const first = own[0] ?? cpu;
    if (!cores.has(first)) cores.set(first, { node: nodeOf(machine, first), cpus: own });
  }
  return { present, online, threadsPerCore, cores: [...cores.values()] };
}

/** Machines that have enclaves have at most two threads on a core. */
function pair(cpu: number, offline: readonly number[], threadsPerCore: number, stride: number): readonly number[] {
  if (threadsPerCore === 1 || stride === 0) return [cpu];
  const index = offline.indexOf(cpu);
  // Neighbours are siblings where the distance is one, and the lower of a pair is the one before it.
  if (stride === 1)
    return cpu % 2 === 0
      ? [cpu, cpu + 1].filter((one) => offline.includes(one))
      : [cpu - 1, cpu].filter((one) => offline.includes(one));
  const isLower = offline.includes(cpu + stride);
  if (isLower) return [cpu, cpu + stride];
  return offline.includes(cpu - stride) && index >= 0 ? [cpu - stride, cpu] : [cpu];
}

/** The link nodeN beside a processor stays when it goes offline. */
function nodeOf(machine: Machine, cpu: number): number {
  const name = machine.list(`${folder}/cpu${cpu}`).find((one) => /^node[0-9]{1,4}$/.test(one));
  return name === undefined ? 0 : Number(name.slice('node'.length));
}

export function coreOf({ cores }: Cpus, cpu: number): Core | undefined {
  return cores.find(({ cpus }) => cpus.includes(cpu));
}

/** `2-3,6`, as the kernel writes lists. */
export function formatCpuList(ids: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const id of [...new Set(ids)].sort((left, right) => left - right)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === id - 1) last[1] = id;
    else ranges.push([id, id]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

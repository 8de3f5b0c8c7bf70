// What a caisson.yaml asks of a machine: processors, memory and ports of each of its enclaves.
import { dirname, join, resolve } from 'node:path';
import type { BackendKind, CpuChoice } from '../backend/index.ts';
import { type Compose, type IngressRule, readIngressRule, STANDARD_CPUS, standardMemory } from '../compose/index.ts';
import type { Machine } from './machine.ts';

export interface WantedEnclave {
  readonly name: string;
  readonly backend: BackendKind | 'auto';
  readonly cpus: CpuChoice;
  readonly memoryMiB: number;
  /** The file does not say, and the standard holds. */
  readonly isStandard: { readonly cpus: boolean; readonly memory: boolean };
  /** Of an image that is built; null: it is not yet, or not there. */
  readonly image: { readonly path: string; readonly bytes: number } | null;
  readonly ingress: readonly IngressRule[];
}

/** `file`: whose folder the paths are from. `state`: the state folder, where `up` keeps what it has built. */
export function readWanted(
  { enclaves }: Compose,
  file: string,
  machine: Machine,
  state?: string,
): readonly WantedEnclave[] {
  return [...enclaves].map(([name, spec]) => {
    const { cpus, cpu_ids: ids, memoryMiB } = spec.resources ?? {};
    const eif = typeof spec.image === 'object' ? spec.image.eif : undefined;
    const path = eif === undefined ? findBuilt(machine, state, name) : resolve(dirname(file), eif);
    const facts = path === undefined ? undefined : machine.stat(path);
    return {
      name,
      backend: spec.backend ?? 'auto',
      cpus: ids === undefined ? { count: cpus ?? STANDARD_CPUS } : { ids },
      memoryMiB: memoryMiB ?? standardMemory(facts?.bytes ?? 0),
      isStandard: { cpus: cpus === undefined && ids === undefined, memory: memoryMiB === undefined },
      image: path === undefined || facts === undefined ? null : { path, bytes: facts.bytes },
      ingress: (spec.ingress ?? []).map(readIngressRule),
    };
  });
}

/** The largest: the one before may still run. Undefined where `up` has built none of a source yet. */
function findBuilt(machine: Machine, state: string | undefined, name: string): string | undefined {
  if (state === undefined) return undefined;
  const folder = join(state, 'built', name);
  const paths = machine.list(folder).flatMap((file) => (file.endsWith('.eif') ? [join(folder, file)] : []));
  const bytesOf = (path: string): number => machine.stat(path)?.bytes ?? 0;
  return paths.sort((one, other) => bytesOf(other) - bytesOf(one))[0];
}

/** Those that a Nitro parent would run. */
export function onNitro(enclaves: readonly WantedEnclave[]): readonly WantedEnclave[] {
  return enclaves.filter(({ backend }) => backend === 'nitro' || backend === 'auto');
}

export function cpuCount(cpus: CpuChoice): number {
  return 'count' in cpus ? cpus.count : cpus.ids.length;
}

// What the parent keeps aside for enclaves, looked at before nitro-cli is: huge pages, the pool of CPUs, and what the allocator was told. nitro-cli
// says that there is too little; here the numbers are said.
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { LimitError } from '@caisson/core/errors';
import { parseDocument } from 'yaml';
import * as z from 'zod';
import type { BackendErrorCode, EnclaveSpec, MissingPart } from '../backend/index.ts';

// Given: nitro-cli 1.5.
const allocatorFile = '/etc/nitro_enclaves/allocator.yaml';
const poolFile = '/sys/module/nitro_enclaves/parameters/ne_cpus';
const pageFolder = '/sys/kernel/mm/hugepages';
const device = '/dev/nitro_enclaves';
const memoryOfImage = 4;
const maxFileBytes = 65_536;
const restart = `then: sudo systemctl restart nitro-enclaves-allocator`;

export interface ParentMachine {
  readonly freeMiB: number;
  readonly reservedMiB: number;
  /** CPU ids of the pool, those of running enclaves included. */
  readonly cpuPool: readonly number[];
  /** Sum of `memory_mib` in the allocator's file; undefined where it cannot be read. */
  readonly allocatedMiB: number | undefined;
}

export function findNitroCli(path: string | undefined): string | undefined {
  return (path ?? '')
    .split(delimiter)
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, 'nitro-cli'))
    .find((file) => existsSync(file));
}

/** `root` is where the files are looked for. */
export function findMissingParts(root: string, program: string | undefined): readonly MissingPart[] {
  const missing: MissingPart[] = [];
  if (program === undefined) {
    missing.push({ what: 'nitro-cli in PATH', get: 'on Amazon Linux: sudo dnf install aws-nitro-enclaves-cli' });
  }
  const path = join(root, device);
  if (!existsSync(path)) {
    missing.push({ what: device, get: 'start the instance with enclave options enabled, and load nitro_enclaves' });
  } else if (!canUse(path)) {
    missing.push({ what: `the right to use ${device}`, get: 'sudo usermod -aG ne "$USER", and log in again' });
  }
  if (!existsSync(join(root, poolFile))) {
    missing.push({ what: poolFile, get: `write ${allocatorFile}, ${restart}` });
  }
  return missing;
}

export function readParentMachine(root: string): ParentMachine {
  const pages = { free: 0, reserved: 0 };
  const folder = join(root, pageFolder);
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const pageKiB = Number(/^hugepages-([0-9]+)kB$/.exec(name)?.[1] ?? 0);
    pages.free += (pageKiB * readNumber(join(folder, name, 'free_hugepages'))) / 1024;
    pages.reserved += (pageKiB * readNumber(join(folder, name, 'nr_hugepages'))) / 1024;
  }
  return {
    freeMiB: pages.free,
    reservedMiB: pages.reserved,
    cpuPool: parseCpuList(readText(join(root, poolFile)) ?? ''),
    allocatedMiB: readAllocated(readText(join(root, allocatorFile))),
  };
}

/** `taken` are the CPUs of running enclaves. Throws LimitError BACKEND_CAPACITY with the numbers. */
export function checkCapacity(
  spec: EnclaveSpec,
  imageBytes: number,
  machine: ParentMachine,
  taken: readonly number[],
): void {
  const { name, memoryMiB, cpus } = spec;
  const { freeMiB, reservedMiB, allocatedMiB } = machine;
  const needMiB = Math.ceil((memoryOfImage * imageBytes) / 2 ** 20);
  if (memoryMiB < needMiB) {
    throw exceeded(
      `enclave ${name} must have at least ${needMiB} MiB, ${memoryOfImage} times its image, got ${memoryMiB} MiB`,
      'ask for more memory',
    );
  }
  if (memoryMiB > freeMiB) {
    const told = allocatedMiB === undefined ? 'cannot be read' : `has memory_mib ${allocatedMiB}`;
    throw exceeded(
      `enclave ${name} must fit into ${freeMiB} MiB of free huge pages, got ${memoryMiB} MiB; ${reservedMiB} MiB are reserved, ${allocatorFile} ${told}`,
      `end another enclave, or raise memory_mib in ${allocatorFile}, ${restart}`,
    );
  }
  const free = machine.cpuPool.filter((id) => !taken.includes(id));
  const pool = `the pool has ${list(machine.cpuPool)}, free are ${list(free)}`;
  const hint = `ask for what is free, or change cpu_count or cpu_pool in ${allocatorFile}, ${restart}`;
  if ('count' in cpus) {
    if (cpus.count > free.length)
      throw exceeded(`enclave ${name} must have at most ${free.length} cpus, got ${cpus.count}; ${pool}`, hint);
    return;
  }
  const wanting = cpus.ids.filter((id) => !free.includes(id));
  if (wanting.length > 0)
    throw exceeded(`cpus of enclave ${name} must be free ones of the pool, got ${list(wanting)}; ${pool}`, hint);
}

/** Parses `1,3-5`, the kernel's form of lists; anything else in it is left out. */
export function parseCpuList(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [, first, last = first] = /^\s*([0-9]{1,4})(?:-([0-9]{1,4}))?\s*$/.exec(part) ?? [];
    if (first === undefined) return [];
    return Array.from({ length: Math.max(0, Number(last) - Number(first) + 1) }, (_, n) => Number(first) + n);
  });
}

const part = z.object({ memory_mib: z.int().nonnegative() });
const allocator = z.union([part.transform((one) => [one]), z.array(part).max(64)]);

function readAllocated(text: string | undefined): number | undefined {
  if (text === undefined || text.length > maxFileBytes) return undefined;
  try {
    const parts = allocator.safeParse(parseDocument(text).toJS({ maxAliasCount: 0 }));
    return parts.data?.reduce((sum, { memory_mib }) => sum + memory_mib, 0);
  } catch {
    return undefined;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readNumber(path: string): number {
  return Number(/^[0-9]{1,12}/.exec(readText(path) ?? '')?.[0] ?? 0);
}

function canUse(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function list(ids: readonly number[]): string {
  return ids.length === 0 ? 'none' : ids.join(',');
}

function exceeded(message: string, hint: string): LimitError<BackendErrorCode> {
  return new LimitError('BACKEND_CAPACITY', message, { hint });
}

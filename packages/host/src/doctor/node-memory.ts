// Memory of a machine by NUMA node: an enclave has all of its memory as huge pages of one node, the one of its processors.
import type { Machine } from './machine.ts';

export interface PageCount {
  readonly pageKiB: number;
  readonly reserved: number;
  readonly free: number;
}

export interface NodeMemory {
  readonly node: number;
  readonly totalMiB: number;
  readonly freeMiB: number;
  /** Largest pages first. */
  readonly pages: readonly PageCount[];
  /** What is free in pieces of 2 MiB and more: what a huge page can be made of without moving anything. Undefined: not told. */
  readonly unbrokenMiB: number | undefined;
}

const nodes = '/sys/devices/system/node';
// Given: the orders of /proc/buddyinfo are of 4 KiB pages; order 9 is 2 MiB.
const hugeOrder = 9;
const pageKiB = 4;

export function readNodes(machine: Machine): readonly NodeMemory[] {
  const ids = machine
    .list(nodes)
    .filter((name) => /^node[0-9]{1,4}$/.test(name))
    .map((name) => Number(name.slice('node'.length)))
    .sort((left, right) => left - right);
  const broken = readUnbroken(machine);
  if (ids.length === 0) {
    const memory = readMemory(machine.readText('/proc/meminfo') ?? '');
    return [{ node: 0, ...memory, pages: readPages(machine, '/sys/kernel/mm/hugepages'), unbrokenMiB: broken.get(0) }];
  }
  return ids.map((node) => ({
    node,
    ...readMemory(machine.readText(`${nodes}/node${node}/meminfo`) ?? ''),
    pages: readPages(machine, `${nodes}/node${node}/hugepages`),
    unbrokenMiB: broken.get(node),
  }));
}

/** `Node 0 MemTotal:  7929820 kB`, and without the node in /proc/meminfo. */
function readMemory(text: string): { totalMiB: number; freeMiB: number } {
  const read = (key: string): number =>
    Math.floor(Number(new RegExp(`${key}:\\s+(\\d{1,15}) kB`).exec(text)?.[1] ?? 0) / 1024);
  return { totalMiB: read('MemTotal'), freeMiB: read('MemFree') };
}

function readPages(machine: Machine, folder: string): readonly PageCount[] {
  const number = (path: string): number => Number(/^\d{1,12}/.exec(machine.readText(path) ?? '')?.[0] ?? 0);
  return machine
    .list(folder)
    .flatMap((name) => {
      const size = /^hugepages-(\d{1,9})kB$/.exec(name)?.[1];
      if (size === undefined) return [];
      const reserved = number(`${folder}/${name}/nr_hugepages`);
      return [{ pageKiB: Number(size), reserved, free: number(`${folder}/${name}/free_hugepages`) }];
    })
    .sort((left, right) => right.pageKiB - left.pageKiB);
}

/** `Node 0, zone   Normal    216 ...`, one number an order. */
function readUnbroken(machine: Machine): Map<number, number> {
  const sums = new Map<number, number>();
  for (const line of (machine.readText('/proc/buddyinfo') ?? '').split('\n')) {
    const [, node, counts = ''] = /^Node (\d{1,4}), zone +\S+ +([\d ]+)$/.exec(line) ?? [];
    if (node === undefined) continue;
    const free = counts.trim().split(/ +/).map(Number);
    const kiB = free.reduce((sum, one, order) => sum + (order < hugeOrder ? 0 : one * 2 ** order * pageKiB), 0);
    sums.set(Number(node), (sums.get(Number(node)) ?? 0) + Math.floor(kiB / 1024));
  }
  return sums;
}

export function reservedMiB({ pages }: NodeMemory): number {
  return pages.reduce((sum, { pageKiB: size, reserved }) => sum + (size * reserved) / 1024, 0);
}

export function freePagesMiB({ pages }: NodeMemory): number {
  return pages.reduce((sum, { pageKiB: size, free }) => sum + (size * free) / 1024, 0);
}

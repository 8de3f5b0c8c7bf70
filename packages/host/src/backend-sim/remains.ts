// What a simulated enclave has outside of its namespaces: its folder of the fabric, the listeners that its parent had for it, the NSM's socket, its
// memory group. Removed at its end by whoever started it, and by the next start where that one was killed.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cid } from '@caisson/core/address';
import { hostPort } from '@caisson/core/address';
import type { RunFolder } from '../backend/index.ts';
import { removeMemoryGroup } from './memory-group.ts';

// Given: wire.md 1.
const portsOfOne = 256;

export function nsmPath({ path }: RunFolder, cid: number): string {
  return join(path, `${cid}.nsm`);
}

export function ownFolder({ fabric }: RunFolder, cid: number): string {
  return join(fabric, String(cid));
}

export async function removeRemains(folder: RunFolder, cid: Cid): Promise<void> {
  await rm(ownFolder(folder, cid), { recursive: true, force: true });
  await rm(nsmPath(folder, cid), { force: true });
  const first = hostPort(cid, 0);
  const parent = join(folder.fabric, '3');
  for (const name of await readdir(parent)) {
    const port = Number(name);
    if (port >= first && port < first + portsOfOne) await rm(join(parent, name), { force: true });
  }
  await removeMemoryGroup(cid);
}

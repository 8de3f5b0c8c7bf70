// What an enclave has in the run folder: its folder of the fabric, the listeners that its parent had for it, and whatever is called by its CID. Removed
// at its end by whoever started it, and by the next claim where that one was killed.
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cid, hostPort } from '@caisson/core/address';
import type { RunFolder } from './run-folder.ts';

// Given: docs/wire/addresses.md.
const portsOfOne = 256;

/** A path in the run folder for something of this CID, which `removeRemains` will find. */
export function pathOfCid({ path }: RunFolder, cid: Cid, ending: 'nsm' | 'root' | 'vm'): string {
  return join(path, `${cid}.${ending}`);
}

export function fabricOfCid({ fabric }: RunFolder, cid: Cid): string {
  return join(fabric, String(cid));
}

export async function removeRemains(folder: RunFolder, cid: Cid): Promise<void> {
  for (const path of await findRemains(folder, cid)) await rm(path, { recursive: true, force: true });
}

/** Paths of what is left there. */
export async function findRemains(folder: RunFolder, cid: Cid): Promise<readonly string[]> {
  const named = (['nsm', 'root', 'vm'] as const).map((ending) => pathOfCid(folder, cid, ending));
  const own = [fabricOfCid(folder, cid), ...named];
  const first = hostPort(cid, 0);
  const parent = join(folder.fabric, '3');
  const ports = (await readdir(parent)).filter((name) => Number(name) >= first && Number(name) < first + portsOfOne);
  return [...own.filter((path) => existsSync(path)), ...ports.map((name) => join(parent, name))];
}

// The bound on what the processes of one simulated enclave have in memory, where this machine's control groups allow it: as root, under the
// memory controller of either version. Elsewhere only its files are bounded, and the start says so.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

export interface MemoryGroup {
  add(pid: number): Promise<void>;
  /** Call it when nothing runs in the group any more. Never throws. */
  remove(): Promise<void>;
}

// Given: where systemd and its like mount them; Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.
const unified = '/sys/fs/cgroup';
const controller = '/sys/fs/cgroup/memory';
// Chosen: the kernel lets a group go a moment after its last process.
const removeTries = 20;
const removePauseMs = 25;

/** Undefined where this machine or user cannot have a memory group. */
export async function createMemoryGroup(state: string, cid: number, bytes: number): Promise<MemoryGroup | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const name = groupName(state, cid);
  return (await createUnified(`${unified}/${name}`, bytes)) ?? (await createController(`${controller}/${name}`, bytes));
}

/** Removes the group that a killed process has left behind. */
export async function removeMemoryGroup(state: string, cid: number): Promise<void> {
  for (const folder of [unified, controller]) await rmdir(`${folder}/${groupName(state, cid)}`).catch(() => {});
}

/** Control groups belong to the whole machine, but a CID only to one state folder: so the name has both. */
function groupName(state: string, cid: number): string {
  return `caisson-sim-${createHash('sha256').update(state).digest('hex').slice(0, 12)}-${cid}`;
}

async function createUnified(path: string, bytes: number): Promise<MemoryGroup | undefined> {
  const controllers = await readFile(`${unified}/cgroup.subtree_control`, 'latin1').catch(() => '');
  if (!controllers.split(/\s+/).includes('memory')) return undefined;
  return await create(path, { 'memory.max': bytes, 'memory.swap.max': 0 });
}

async function createController(path: string, bytes: number): Promise<MemoryGroup | undefined> {
  return await create(path, { 'memory.limit_in_bytes': bytes });
}

async function create(path: string, settings: Readonly<Record<string, number>>): Promise<MemoryGroup | undefined> {
  try {
    await mkdir(path);
  } catch {
    return undefined;
  }
  const group: MemoryGroup = {
    add: (pid) => writeFile(`${path}/cgroup.procs`, String(pid)),
    async remove() {
      for (let tried = 0; tried < removeTries; tried += 1) {
        try {
          return await rmdir(path);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EBUSY') return;
          await pause(removePauseMs);
        }
      }
    },
  };
  try {
    const [[first, bytes] = ['', 0], ...others] = Object.entries(settings);
    await writeFile(`${path}/${first}`, String(bytes));
    // The bound on swap is a file of its own, which is missing on machines without swap.
    for (const [name, value] of others) await writeFile(`${path}/${name}`, String(value)).catch(() => {});
    return group;
  } catch {
    await group.remove();
    return undefined;
  }
}

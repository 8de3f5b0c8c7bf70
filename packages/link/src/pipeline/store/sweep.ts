// What a receiver that was killed has left: temporaries of processes that are no more. Looked for once in each folder that something is
// received into. Parts that are kept for a resume stay a day.

import type { Folder } from './folder.ts';
import { isOwnTemporary } from './name.ts';

// Given: wire.md 10.
const temporaryForm = /^\.caisson-([0-9]{1,10})-[0-9a-f]{16}$/;
const partForm = /^\.caisson-part-[0-9a-f]{32}$/;
// Chosen.
const partLifeMs = 86_400_000;

export function sweepFolder(folder: Folder, nowMs = Date.now()): void {
  for (const raw of folder.names()) {
    const name = raw.toString('latin1');
    if (!isOwnTemporary(name)) continue;
    const pid = temporaryForm.exec(name)?.[1];
    const isDead = pid !== undefined && Number(pid) !== process.pid && !isAlive(Number(pid));
    const isStale = partForm.test(name) && nowMs - (folder.stat(name)?.mtimeMs ?? nowMs) > partLifeMs;
    if (isDead || isStale) folder.remove(name);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

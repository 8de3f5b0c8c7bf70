// What a receiver that was killed has left: temporaries of processes that are no more. Looked for once in each folder that something is
// received into. Parts that are kept for a resume stay a day, and one whose writer was killed is anybody's again.
import type { Folder } from './folder.ts';
import { isOwnTemporary } from './name.ts';
import { freePart, writerOf } from './part.ts';

// Given: docs/wire/state.md.
const temporaryForm = /^\.caisson-([0-9]{1,10})-[0-9a-f]{16}$/;
// Chosen.
const partLifeMs = 86_400_000;

export function sweepFolder(folder: Folder, nowMs = Date.now()): void {
  for (const raw of folder.names()) {
    const name = raw.toString('latin1');
    if (!isOwnTemporary(name)) continue;
    const pid = temporaryForm.exec(name)?.[1];
    if (pid !== undefined && isDead(Number(pid))) folder.remove(name);
    const writer = writerOf(name);
    if (writer === undefined || (writer !== null && !isDead(writer))) continue;
    const isStale = nowMs - (folder.stat(name)?.mtimeMs ?? nowMs) > partLifeMs;
    if (isStale) folder.remove(name);
    else if (writer !== null) freePart(folder, name);
  }
}

/** This process never counts as dead: what it does not write any more it has removed itself. */
function isDead(pid: number): boolean {
  return pid !== process.pid && !isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

// Whether the process that keeps an enclave still is that process. It ends with its enclave, and its pid may be given again.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { isGone } from '../file/process-start.ts';

/** When it started, in ticks since boot; undefined once it is gone, also while nobody has fetched its end. Throws Node-style errors where it cannot be known. */
export function readLife(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch (error) {
    if (isGone(error as NodeJS.ErrnoException)) return undefined;
    throw error;
  }
}

/** What cannot be known now is looked at again: a crowd of connections may have every descriptor, and the enclave goes on. */
function isThere(pid: number, life: string): boolean {
  try {
    return readLife(pid) === life;
  } catch {
    return true;
  }
}

/** Resolves once it is gone. `pollMs` apart, because nothing tells of a process that is nobody's child. */
export function awaitGone(pid: number, life: string | undefined, pollMs: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (life !== undefined && isThere(pid, life)) setTimeout(look, pollMs);
      else resolve();
    };
    look();
  });
}

/** Looks at least once. */
export async function isGoneWithin(pid: number, life: string, forMs: number, pollMs: number): Promise<boolean> {
  for (const untilMs = performance.now() + forMs; isThere(pid, life); await pause(pollMs))
    if (performance.now() >= untilMs) return false;
  return true;
}

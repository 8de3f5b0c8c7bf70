// Which process a pid means: kept beside a pid in a file, so that a reused one is not taken for the one that was meant.
import { readFile } from 'node:fs/promises';

/**
 * Clock ticks since boot, as text; empty when there is no such process, and for one that has ended and that nobody has fetched yet. Rejects with
 * Node-style errors where it cannot be known: a process that has no descriptor left must not take all others for dead.
 */
export async function readProcessStart(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch((error: NodeJS.ErrnoException) => {
    if (isGone(error)) return '';
    throw error;
  });
  // Field 22; the second field is in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie counts as gone, because what it held is free; a container without an init keeps zombies for ever. It does not while another of its
  // threads still has to end: until then its ports and locks are held.
  const hasThreads = Number(fields[17]) > 1;
  if ((fields[0] === 'Z' && !hasThreads) || fields[0] === 'X') return '';
  return fields[19] ?? '';
}

/** Whether an error of reading /proc/PID means that the process is gone. */
export function isGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOENT' || code === 'ESRCH';
}

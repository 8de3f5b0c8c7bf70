// Which process a pid means: kept beside a pid in a file, so that a reused one is not taken for the one that was meant.
import { readFile } from 'node:fs/promises';

/** Clock ticks since boot, as text; empty when there is no such process, and for one that has ended and that nobody has fetched yet. */
export async function readProcessStart(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  // Field 22; the second field is in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // What it held is free: a container without an init keeps such entries for ever. Not while another of its threads still has to end: until then its
  // ports and locks are held.
  const hasThreads = Number(fields[17]) > 1;
  if ((fields[0] === 'Z' && !hasThreads) || fields[0] === 'X') return '';
  return fields[19] ?? '';
}

// Which process a pid means: kept beside a pid in a file, so that a reused one is not taken for the one that was meant. Ticks count from the boot of the machine,
// and a machine that starts its programs in the same order gives them the same pids in about the same ticks: so the boot is a part of it.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

// Chosen: records keep 20 characters, of which ticks take 11 in some years.
const bootDigits = 8;
let ownBoot: string | undefined;

/**
 * Clock ticks since boot and a part of the boot's id, as text, such as `55021-1fc28160`; empty when there is no such process, and for one that has ended and that nobody has fetched yet. Rejects with
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
  const ticks = fields[19];
  if (ticks === undefined) return '';
  return boot() === '' ? ticks : `${ticks}-${boot()}`;
}

/** Whether the process that began then lives. What was written before boots were told apart has ticks alone. Rejects as `readProcessStart` does. */
export async function isProcess(pid: number, start: string): Promise<boolean> {
  const now = await readProcessStart(pid);
  return now !== '' && (now === start || now.split('-')[0] === start);
}

/** Empty where the kernel does not tell, as in some sandboxes. */
function boot(): string {
  try {
    ownBoot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')
      .replaceAll('-', '')
      .trim()
      .slice(0, bootDigits);
  } catch {
    ownBoot = '';
  }
  return ownBoot;
}

/** Whether an error of reading /proc/PID means that the process is gone. */
export function isGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOENT' || code === 'ESRCH';
}

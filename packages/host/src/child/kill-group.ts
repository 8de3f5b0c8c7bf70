// Ends a program with all that it has started and not put into groups of their own.
import type { ChildProcess } from 'node:child_process';

/** `child` must have been spawned detached, which gives it a group of its own. */
export function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

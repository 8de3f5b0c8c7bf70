// Ends a program with all that it has started and not put into groups of their own.
import type { ChildProcess } from 'node:child_process';

/** Of a child that was spawned detached. */
export function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It was faster.
  }
}

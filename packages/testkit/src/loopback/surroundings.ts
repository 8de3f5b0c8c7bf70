// What a test of sockets needs of the process around it: a folder for socket files, a count of descriptors, a condition
// that something else makes true.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The part of node:test's context that cleans up: handlers run in order of registration. */
export interface Cleaner {
  after(handler: () => void | Promise<void>): void;
}

/** A short path, since a unix address has 107 bytes. */
export function makeFolder(cleaner: Cleaner): string {
  const folder = mkdtempSync(join(tmpdir(), 'csn-'));
  cleaner.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Open descriptors of this process, the one that lists them not counted. */
export function countDescriptors(): number {
  return readdirSync('/proc/self/fd').length - 1;
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Resolves once `holds`; looks each 2 ms, for state of another thread that has no event. Throws after `timeoutMs`. */
export async function until(what: string, holds: () => boolean, timeoutMs = 60_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((settle) => setTimeout(settle, 2));
  }
}

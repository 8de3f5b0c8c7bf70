// Logs how a backend differs from hardware, once for each state folder: nobody reads a warning that comes every day.
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from '../backend/index.ts';
import type { EventLog } from './event-log.ts';

export async function tellDifferences(state: string, backend: Backend, events: EventLog): Promise<void> {
  const path = join(state, `told-${backend.kind}`);
  // Looked at first, because the backend may have to ask the kernel for its differences and almost no start is the first.
  if (existsSync(path)) return;
  const differences = backend.describeDifferences();
  if (differences.length === 0 || !(await isFirst(path))) return;
  for (const one of differences) events.add('info', 'BACKEND_DIFFERS', one);
}

/** If the mark cannot be written, the differences are logged again next time. */
async function isFirst(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EEXIST';
  }
}

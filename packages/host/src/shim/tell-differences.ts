// What a backend is not, told in the first start of a state folder: whoever reads it every day reads it no more.
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from '../backend/index.ts';
import type { EventLog } from './event-log.ts';

export async function tellDifferences(state: string, backend: Backend, events: EventLog): Promise<void> {
  const path = join(state, `told-${backend.kind}`);
  // A backend may have to ask the kernel first, and almost every start is none of the first.
  if (existsSync(path)) return;
  const differences = backend.describeDifferences();
  if (differences.length === 0 || !(await isFirst(path))) return;
  for (const one of differences) events.add('info', 'BACKEND_DIFFERS', one);
}

/** Where nobody can know it is told again. */
async function isFirst(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EEXIST';
  }
}

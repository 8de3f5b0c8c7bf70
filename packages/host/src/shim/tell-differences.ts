// What a backend is not, told in the first start of a state folder: whoever reads it every day reads it no more.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from '../backend/index.ts';
import type { EventLog } from './event-log.ts';

export async function tellDifferences(state: string, backend: Backend, events: EventLog): Promise<void> {
  const differences = backend.describeDifferences();
  if (differences.length === 0 || !(await isFirst(join(state, `told-${backend.kind}`)))) return;
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

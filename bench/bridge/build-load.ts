// Compiles the load generator. Static where it must run on a machine that has no library.
import { join } from 'node:path';
import { outputOf } from './child.ts';

const names = ['load.c', 'address.c', 'client.c', 'offer.c', 'idle.c', 'far_side.c'];

export async function buildLoad(program: string, isStatic = false): Promise<void> {
  const sources = names.map((name) => join(import.meta.dirname, 'load', name));
  const flags = ['-O2', '-Wall', '-Wextra', '-Werror', '-pthread', ...(isStatic ? ['-static'] : [])];
  await outputOf(['cc', ...flags, '-o', program, ...sources]);
}

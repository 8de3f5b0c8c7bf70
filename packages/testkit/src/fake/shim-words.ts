// The words that start a shim with enclaves that outlive it (shim-main.ts).
import { join } from 'node:path';

export const fakeShimWords: readonly string[] = [
  process.execPath,
  '--conditions=caisson-source',
  join(import.meta.dirname, 'shim-main.ts'),
];

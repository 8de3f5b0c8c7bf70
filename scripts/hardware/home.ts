// Where this script lives: in a checkout, or in the folder of `npm run pack`; and the words that start Caisson there.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const home: string = resolve(import.meta.dirname, '../..');
export const isPacked: boolean = existsSync(join(home, 'lib/caisson/caisson.mjs'));

/** Caisson under one of its names. */
export function programWords(name: 'caisson' | 'argonaut' = 'caisson'): readonly string[] {
  const program = join(home, isPacked ? `bin/${name}` : `packages/cli/bin/${name}.js`);
  return isPacked ? [program] : [process.execPath, program];
}

// The version of a store's form: an older program must not read, and least of all sweep, what a newer one has put there.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import { replaceFile } from '../file/index.ts';
import type { StoreErrorCode } from './error-code.ts';

// Chosen.
const version = '1';

export async function requireVersion(folder: string): Promise<void> {
  const path = join(folder, 'version');
  let found: string;
  try {
    found = (await readFile(path, 'latin1')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await replaceFile(path, (file) => file.writeFile(`${version}\n`));
    return;
  }
  if (found === version) return;
  throw new CaissonError<StoreErrorCode>(
    'STORE_VERSION',
    `image store ${folder} must be of version ${version}, got ${JSON.stringify(found.slice(0, 20))}`,
    { hint: 'use the newer caisson that made it; nothing was changed' },
  );
}

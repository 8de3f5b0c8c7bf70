// A folder is read whole, and whoever has the image reads all of it. A home folder as the source would give away the keys of this machine's operators,
// with which anybody commands their enclaves.
import { existsSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { PolicyError } from '@caisson/core/errors';
import { operatorFolder } from '../operator/folder.ts';
import type { BuildErrorCode } from './error-code.ts';

/** Throws PolicyError BUILD_SOURCE. `exclude`: paths of the source that are left out. */
export function requireNoOwnKeys(
  source: string,
  exclude: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): void {
  const folder = join(operatorFolder(env), 'operators');
  if (!existsSync(folder)) return;
  const inside = relative(realpathSync(source), realpathSync(folder));
  if (inside === '..' || inside.startsWith('../')) return;
  if (exclude.some((path) => inside === path || inside.startsWith(`${path}/`))) return;
  throw new PolicyError<BuildErrorCode>(
    'BUILD_SOURCE',
    `source ${source} must hold no key of an operator, got ${inside || 'the folder of keys itself'}`,
    {
      hint: 'give the application a folder of its own; what must not come into an image is left out by exclude in caisson.yaml',
    },
  );
}

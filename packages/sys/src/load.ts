// Finds the addon without an install-time script: beside the running bundle, else where scripts/addon.ts builds it.
// Never from a path that the environment names: whoever sets a variable must not choose the code that runs.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import type { Addon } from './addon.ts';
import type { SysErrorCode } from './error-code.ts';

export type LoadedAddon =
  | { readonly addon: Addon; readonly path: string }
  | { readonly addon: undefined; readonly reason: string; readonly cause: unknown };

/**
 * `CAISSON_ADDON=off` runs without it (the JavaScript data plane), `CAISSON_ADDON=sanitize` takes the build with
 * AddressSanitizer. Throws CaissonError SYS_ADDON_SETTING for any other value.
 */
export function loadAddon(
  env: Readonly<Record<string, string | undefined>> = process.env,
  folder: string = import.meta.dirname,
): LoadedAddon {
  const setting = env['CAISSON_ADDON'] ?? '';
  if (setting === 'off') return { addon: undefined, reason: 'CAISSON_ADDON is off', cause: undefined };
  if (setting !== '' && setting !== 'sanitize') {
    throw new CaissonError<SysErrorCode>(
      'SYS_ADDON_SETTING',
      `CAISSON_ADDON must be off, sanitize or unset, got ${JSON.stringify(setting)}`,
    );
  }
  const built = join(folder, '..', 'build', `${process.platform}-${process.arch}${setting && `-${setting}`}`);
  const paths = [...(setting === '' ? [join(folder, 'caisson.node')] : []), join(built, 'caisson.node')];

  let cause: unknown;
  for (const path of paths) {
    if (!existsSync(path)) continue;
    const module = { exports: {} };
    try {
      process.dlopen(module, path);
      return { addon: module.exports as Addon, path };
    } catch (error) {
      cause = error;
    }
  }
  const reason = cause instanceof Error ? cause.message : `not found as ${paths.join(' or ')}`;
  return { addon: undefined, reason, cause };
}

/** The error of every call that needs the addon where there is none. */
export function createMissingError(
  call: string,
  loaded: LoadedAddon & { addon: undefined },
): CaissonError<SysErrorCode> {
  return new CaissonError<SysErrorCode>(
    'SYS_ADDON_MISSING',
    `${call} needs the native addon, which is not loaded: ${loaded.reason}`,
    {
      cause: loaded.cause,
      hint: 'install a C compiler (Debian: apt-get install gcc libc6-dev) and run `npm run build`; TCP, unix and fabric work without it',
    },
  );
}

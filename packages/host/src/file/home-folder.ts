// Where a user's own files lie. A container may run as a user that nobody has written down: then it has to be said, since any guess would be a place
// that somebody else may write to.
import { userInfo } from 'node:os';
import { isAbsolute } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import type { FileErrorCode } from './error-code.ts';

/**
 * HOME, else what the user database says; always absolute: in the working folder, which may be the source of an image, an operator's key would become
 * a part of it. Throws CaissonError FILE_HOME.
 */
export function homeFolder(
  env: Readonly<Record<string, string | undefined>>,
  // Not homedir(), which takes an empty HOME as it is.
  ofUser: () => string = () => userInfo().homedir,
): string {
  const { HOME: home } = env;
  if (home !== undefined && isAbsolute(home)) return home;
  let cause: unknown;
  try {
    const found = ofUser();
    if (isAbsolute(found)) return found;
  } catch (error) {
    cause = error;
  }
  throw new CaissonError<FileErrorCode>(
    'FILE_HOME',
    `user ${process.getuid?.()} must have a home folder, got neither HOME nor an entry in the user database`,
    { cause, hint: 'set HOME; CAISSON_STATE, CAISSON_CACHE and XDG_CONFIG_HOME name single places' },
  );
}

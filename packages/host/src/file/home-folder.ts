// Where a user's own files lie. A container may run as a user that nobody has written down: then it has to be said, since any guess would be a place
// that somebody else may write to.
import { homedir } from 'node:os';
import { CaissonError } from '@caisson/core/errors';
import type { FileErrorCode } from './error-code.ts';

/** HOME, else what the user database says. Throws CaissonError FILE_HOME. */
export function homeFolder(env: Readonly<Record<string, string | undefined>>, ofUser: () => string = homedir): string {
  const { HOME: home } = env;
  if (home !== undefined && home !== '') return home;
  try {
    return ofUser();
  } catch (cause) {
    throw new CaissonError<FileErrorCode>(
      'FILE_HOME',
      `user ${process.getuid?.()} must have a home folder, got neither HOME nor an entry in the user database`,
      { cause, hint: 'set HOME; CAISSON_STATE, CAISSON_CACHE and XDG_CONFIG_HOME name single places' },
    );
  }
}

// The table of exit codes (docs/errors.md). Under an old name that tool's own codes hold instead.
import { CaissonError, VerificationError } from '@caisson/core/errors';

export const EXIT_OK = 0;
/** Failed, or the user's file has faults. */
export const EXIT_FAILED = 1;
/** A verification or a comparison did not hold. */
export const EXIT_REFUSED = 2;
/** Not ready in time. */
export const EXIT_NOT_READY = 3;
/** Wrong command line, as sysexits.h EX_USAGE. */
export const EXIT_USAGE = 64;

/** A wrong command line found by a command's own check. */
export class UsageError extends CaissonError<'CLI_USAGE'> {
  constructor(message: string, hint?: string) {
    super('CLI_USAGE', message, hint === undefined ? {} : { hint });
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT_USAGE;
  if (error instanceof VerificationError) return EXIT_REFUSED;
  return EXIT_FAILED;
}

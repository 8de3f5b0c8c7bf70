// A state folder that cannot be read or written: full, read-only, somebody else's. Said with the kernel's reason and what helps against it.
import { CaissonError } from '@caisson/core/errors';
import type { RecordErrorCode } from './error-code.ts';

const hints: Readonly<Record<string, string>> = {
  ENOSPC: 'free space on that disk; what runs goes on',
  EDQUOT: 'free space within the quota; what runs goes on',
  EROFS: 'its file system is read-only; name another folder in CAISSON_STATE',
  EACCES: 'it is another user’s; name another folder in CAISSON_STATE',
  EPERM: 'it is another user’s; name another folder in CAISSON_STATE',
};

/** `what`: `cannot write state of enclave web`. A CaissonError is passed on as it is. */
export function stateFault(what: string, cause: unknown): CaissonError {
  if (cause instanceof CaissonError) return cause;
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  const hint = code === undefined ? undefined : hints[code];
  const why = code ?? (cause instanceof Error ? cause.message : String(cause));
  return new CaissonError<RecordErrorCode>('RECORD_STATE', `${what}: ${why}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

// Which of many archives a fault of core/tar is of.
import { CaissonError, LimitError, ParseError } from '@caisson/core/errors';
import type { OciErrorCode } from './error-code.ts';

export function nameArchive(error: unknown, what: string): unknown {
  if (!(error instanceof CaissonError) || !error.code.startsWith('TAR_')) return error;
  const message = `${what}: ${error.message}`;
  return error instanceof LimitError
    ? new LimitError<OciErrorCode>('OCI_LIMIT', message, { cause: error })
    : new ParseError<OciErrorCode>('OCI_LAYER', message, { cause: error });
}

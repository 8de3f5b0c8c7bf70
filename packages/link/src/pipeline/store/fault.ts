// What the file system refuses, in the words of this room: full is told apart from everything else, because it passes and because it
// must leave nothing behind.
import { CaissonError, LimitError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { PipelineErrorCode } from '../error-code.ts';

const fullCodes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export function errnoOf(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** `error` as it is when it is not the file system's. */
export function fileFault(error: unknown, operation: string, path: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || error instanceof CaissonError) return error;
  const object = `${operation} ${plain(path)}`;
  if (fullCodes.has(errno)) {
    return new LimitError<PipelineErrorCode>('PIPELINE_FULL', `${object}: no space is left (${errno})`, {
      cause: error,
      hint: 'free space there; nothing of the file was kept',
    });
  }
  if (errno === 'ENOENT') {
    return new CaissonError<PipelineErrorCode>('PIPELINE_MISSING', `${object}: it does not exist`, { cause: error });
  }
  if (errno === 'ELOOP') {
    return new CaissonError<PipelineErrorCode>('PIPELINE_LINK', `${object}: a link is on the way`, { cause: error });
  }
  return new CaissonError<PipelineErrorCode>('PIPELINE_FILE', `${object}: ${errno}`, { cause: error });
}

/** Runs `work` with its faults in our words. */
export function withFault<Result>(operation: string, path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw fileFault(error, operation, path);
  }
}

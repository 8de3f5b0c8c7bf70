// What is thrown for a backend that cannot be had here: all that it lacks, and how to get each.
import { CaissonError } from '@caisson/core/errors';
import type { BackendKind, MissingPart } from './backend.ts';
import type { BackendErrorCode } from './error-code.ts';

export function unavailable(backend: BackendKind, missing: readonly MissingPart[]): CaissonError<BackendErrorCode> {
  const what = missing.map((one) => one.what).join(' and ');
  const hint = missing.map((one) => one.get).join('; ');
  return new CaissonError('BACKEND_UNAVAILABLE', `the backend ${backend} needs ${what}`, { hint });
}

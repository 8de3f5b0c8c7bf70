// Names of enclaves, which have the form of names of images.
import { NAME_FORM } from '@caisson/core/address';
import { ParseError } from '@caisson/core/errors';
import type { RecordErrorCode } from './error-code.ts';

export function isEnclaveName(name: string): boolean {
  return NAME_FORM.test(name);
}

/** Throws ParseError RECORD_NAME. */
export function checkEnclaveName(name: string): void {
  if (isEnclaveName(name)) return;
  throw new ParseError<RecordErrorCode>(
    'RECORD_NAME',
    `enclave name must match ${NAME_FORM.source}, got ${JSON.stringify(name.slice(0, 100))}`,
    { hint: 'a letter, then letters, digits and hyphens, all small, at most 63' },
  );
}

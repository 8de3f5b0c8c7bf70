// Names of enclaves (wire.md 10): they become folders, words of nitro-cli and lines on terminals, so there is one form and nothing is quoted.
import { ParseError } from '@caisson/core/errors';
import type { RecordErrorCode } from './error-code.ts';

// Given: wire.md 10.
const nameForm = /^[a-z][a-z0-9-]{0,62}$/;

export function isEnclaveName(name: string): boolean {
  return nameForm.test(name);
}

/** Throws ParseError RECORD_NAME. */
export function checkEnclaveName(name: string): void {
  if (isEnclaveName(name)) return;
  throw new ParseError<RecordErrorCode>(
    'RECORD_NAME',
    `enclave name must match ${nameForm.source}, got ${JSON.stringify(name.slice(0, 100))}`,
    { hint: 'a letter, then letters, digits and hyphens, all small, at most 63' },
  );
}

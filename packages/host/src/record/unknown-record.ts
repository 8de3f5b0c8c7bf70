// A name that no record has, in the same words for whichever command was given it: the nearest name where it looks like a slip, else those that there are.
import { CaissonError } from '@caisson/core/errors';
import { nearestWord } from '../service/nearest-word.ts';
import type { RecordErrorCode } from './error-code.ts';

// Chosen: one line of a terminal.
const mostNamed = 10;

/** `known`: the names that there are in the state folder `state`. */
export function unknownRecord(state: string, name: string, known: readonly string[]): CaissonError<RecordErrorCode> {
  return new CaissonError('RECORD_UNKNOWN', `enclave ${name} must have a record in ${state}, got none`, {
    hint: adviseName(name, known),
  });
}

/** What to try instead of a name that no enclave of this host has. */
export function adviseName(name: string, known: readonly string[]): string {
  if (known.length === 0) return 'there is none yet; caisson up and caisson run start one';
  const nearest = nearestWord(name, known);
  if (nearest !== undefined) return `did you mean ${nearest}? caisson ps -a shows all that there are`;
  const named = known.slice(0, mostNamed).join(', ');
  return `known are ${named}${known.length > mostNamed ? ' and others, which caisson ps -a shows' : ''}`;
}

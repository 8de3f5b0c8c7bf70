// A boot that came to nothing, with the evidence: how it ended and the console's last lines.
import { CaissonError } from '@caisson/core/errors';
import type { EnclaveEnd } from './end.ts';
import { describeEnd } from './end.ts';
import type { BackendErrorCode } from './error-code.ts';

export class BootError extends CaissonError<BackendErrorCode> {
  override readonly name = 'BootError';
  /** Undefined: it was ended because it was late. */
  readonly end: EnclaveEnd | undefined;
  /** Safe to print. */
  readonly consoleTail: string;

  /** `told`: what is known where its console cannot be read. */
  constructor(
    name: string,
    outcome: { readonly end: EnclaveEnd } | { readonly lateMs: number },
    consoleTail: string,
    told?: { readonly said: string; readonly hint: string },
  ) {
    const heard = consoleTail === '' ? 'its console is empty' : `the last lines of its console:\n${consoleTail}`;
    const tail = told?.said ?? heard;
    if ('end' in outcome) {
      super('BACKEND_BOOT', `enclave ${name} ${describeEnd(outcome.end)} before its heartbeat; ${tail}`, {
        hint: told?.hint ?? 'the line before `caisson-init: exit` names the step, and docs/pid1.md what it needs',
      });
    } else {
      super('BACKEND_LATE', `enclave ${name} must send its heartbeat within ${outcome.lateMs} ms; ${tail}`, {
        hint: told?.hint ?? 'give it longer, or look where its console stops',
      });
    }
    this.end = 'end' in outcome ? outcome.end : undefined;
    this.consoleTail = consoleTail;
  }
}

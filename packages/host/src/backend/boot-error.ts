// A boot that came to nothing, with the evidence: how it ended and the console's last lines. The message is one line, as tables and logs want it.
import { CaissonError } from '@caisson/core/errors';
import type { EnclaveEnd } from './end.ts';
import { describeEnd } from './end.ts';
import type { BackendErrorCode } from './error-code.ts';

// Chosen.
const longestLine = 200;

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
    const tail = told?.said ?? stopsAt(consoleTail);
    if ('end' in outcome) {
      super('BACKEND_BOOT', `enclave ${name} ${describeEnd(outcome.end)} before its heartbeat; ${tail}`, {
        hint: told?.hint ?? adviseOn(name, consoleTail),
      });
    } else {
      super('BACKEND_LATE', `enclave ${name} must send its heartbeat within ${outcome.lateMs} ms; ${tail}`, {
        hint: told?.hint ?? `ready.timeout gives it longer; caisson logs ${name} has the end of its console`,
      });
    }
    this.end = 'end' in outcome ? outcome.end : undefined;
    this.consoleTail = consoleTail;
  }
}

// What our PID 1 ends with says no more than the end does, and neither do the kernel's words on its reboot.
const lastWords = /^caisson-init: exit \d+$|^(\[ *\d+\.\d+\] )?reboot: /;

/** The line that names the step. */
function stopsAt(consoleTail: string): string {
  const lines = consoleTail.split('\n').map((line) => line.trim());
  const line = lines.findLast((one) => one !== '' && !lastWords.test(one));
  return line === undefined ? 'its console is empty' : `its console stops at: ${line.slice(0, longestLine)}`;
}

function adviseOn(name: string, consoleTail: string): string {
  // Given by Linux: the emulator got no time while the kernel looked at its timer (docs/qemu.md).
  if (consoleTail.includes("timer doesn't work"))
    return 'this machine was too busy to emulate a timer: start it again, or for good with no_timer_check in image.cmdline';
  return `caisson logs ${name} has the end of its console, and docs/pid1.md what each step of a boot needs`;
}

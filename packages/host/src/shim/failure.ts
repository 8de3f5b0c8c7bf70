// Why an enclave came to nothing, as one error with what to try: the last words that the host has of it are its phase and its reasons.
import { CaissonError, LimitError } from '@caisson/core/errors';
import { hintOfError } from '../explain/index.ts';
import type { RecordedSpec, RecordedState } from '../record/index.ts';
import type { ShimErrorCode } from './error-code.ts';

export function lateInside({ name, readyTimeoutMs }: RecordedSpec, state: RecordedState): CaissonError {
  const why = state.reasons.length === 0 ? '' : ` (${state.reasons.join(', ')})`;
  return new LimitError<ShimErrorCode>(
    'SHIM_LATE',
    `enclave ${name} must be ready within ${readyTimeoutMs} ms, its last phase is ${state.phase}${why}`,
    { hint: adviseOn(name, state) },
  );
}

/** The enclave itself has said so. */
export function failedInside(name: string, reasons: readonly string[]): CaissonError {
  const why = reasons.length === 0 ? 'it gave no reason' : reasons.join(', ');
  return new CaissonError<ShimErrorCode>('SHIM_FAILED', `enclave ${name} has failed: ${why}`, {
    hint: `caisson last-words ${name} shows what its services said last, caisson logs ${name} what this host kept of it`,
  });
}

export function asShimError(error: unknown): CaissonError {
  if (error instanceof CaissonError) return error;
  const { message = String(error), code } = error as NodeJS.ErrnoException;
  const text = code === undefined || message.includes(code) ? message : `${code} ${message}`;
  return new CaissonError<ShimErrorCode>('SHIM_FAILED', text, { cause: error });
}

/** It could not be ended: `before` is what went wrong until then, and goes on deciding what becomes of it. */
export function leftRunning(name: string, before: CaissonError | undefined, cause: unknown): CaissonError {
  const { message, hint = '' } = asShimError(cause);
  const said = `enclave ${name} may still run: ${message}`;
  if (before === undefined) return new CaissonError<ShimErrorCode>('SHIM_LEFT', said, { cause, hint });
  return new CaissonError(before.code, `${before.message}; ${said}`, { cause: before, hint });
}

/** Whoever asked for its end has to hear it too. */
export function isOfLeft(error: unknown): boolean {
  return error instanceof CaissonError && error.code.endsWith('_LEFT');
}

/** For state.json. */
export function failureOf(error: CaissonError): RecordedState['failure'] {
  return { code: error.code, message: error.message, hint: hintOfError(error) ?? null };
}

function adviseOn(name: string, { phase, reasons }: RecordedState): string {
  if (phase === 'booting')
    return `its ready line never said a word: caisson logs ${name} has the end of its console, ready.timeout gives it longer`;
  if (reasons.some((one) => one.startsWith('config-awaited'))) return 'it waits for a boot config: name one as config';
  return 'a longer ready timeout, or the reasons above';
}

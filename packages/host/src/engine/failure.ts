// Why an enclave did not come up: one cause, the evidence, one thing to try.
import { CaissonError, VerificationError } from '@caisson/core/errors';
import { hintOfCode, hintOfError } from '../explain/index.ts';
import type { RecordedSpec, RecordedState } from '../record/index.ts';
import type { EngineErrorCode } from './error-code.ts';
import { collectEvidence } from './evidence.ts';
import type { Followed } from './follow.ts';
import type { UpFailure, UpOutcomeKind } from './result.ts';

export interface Fault {
  readonly kind: Extract<UpOutcomeKind, 'failed' | 'late' | 'refused'>;
  readonly failure: UpFailure;
}

/** Turns an error into a result. An error that is not about the enclave is thrown again. */
export function faultOfError(error: unknown): Fault {
  if (!(error instanceof Error)) throw error;
  const isOurs = error instanceof CaissonError;
  const code = isOurs ? error.code : ((error as NodeJS.ErrnoException).code ?? 'unknown');
  const hint = hintOfError(error) ?? null;
  return { kind: kindOf(error), failure: { code, message: error.message, hint, evidence: [] } };
}

/** The fault of an enclave that was waited for and did not become ready. */
export async function faultOfFollowed(
  folder: string,
  spec: Pick<RecordedSpec, 'name' | 'readyTimeoutMs' | 'restart'>,
  { outcome: seen, last, reasons }: Followed,
): Promise<Fault> {
  const { name } = spec;
  const outcome = last?.phase === 'lost' ? 'gone' : seen;
  const evidence = await collectEvidence(folder, name, last, reasons, outcome === 'gone');
  const told = last?.failure ?? null;
  if (outcome === 'late') return { kind: 'late', failure: { ...late(spec, last), evidence } };
  if (told !== null)
    return {
      kind: kindOfCode(told.code),
      failure: { ...told, hint: told.hint ?? hintOfCode(told.code) ?? logsHint(name), evidence },
    };
  // A service has its own deadline to become ready, which may be shorter than the enclave's.
  const unready = reasons.filter((reason) => reason.startsWith('service-not-ready'));
  if (unready.length > 0) {
    const message = `enclave ${name} did not become ready: ${unready.join(', ')}`;
    const hint = `caisson logs ${name} has what it said; ReadyTimeoutSec of the service, or ready.timeout, gives it longer`;
    return { kind: 'late', failure: { code: 'ENGINE_LATE', message, hint, evidence } };
  }
  if (outcome !== 'gone' && last?.phase === 'stopped') {
    const hint = 'whoever ended it knows why; caisson up starts it again';
    return {
      kind: 'failed',
      failure: { code: ended, message: `enclave ${name} was stopped while it came up`, hint, evidence },
    };
  }
  const how =
    outcome === 'gone' || last === undefined
      ? 'the process that kept it is gone'
      : (last.end?.text ?? `phase ${last.phase}`);
  const message = `enclave ${name} did not stay up: ${how}`;
  return { kind: 'failed', failure: { code: ended, message, hint: logsHint(name), evidence } };
}

const ended: EngineErrorCode = 'ENGINE_ENDED';

function late(
  { name, readyTimeoutMs: timeoutMs, restart }: Parameters<typeof faultOfFollowed>[1],
  last: RecordedState | undefined,
): Omit<UpFailure, 'evidence'> {
  const code: EngineErrorCode = 'ENGINE_LATE';
  const why = last === undefined || last.reasons.length === 0 ? '' : ` (${last.reasons.join(', ')})`;
  const phase = last === undefined ? 'no phase at all' : `phase ${last.phase}${why}`;
  const message = `enclave ${name} must be ready within ${timeoutMs} ms, got ${phase}`;
  const told = last?.failure == null ? '' : `; the last try ended with: ${last.failure.message}`;
  const goesOn = `its shim goes on trying (restart: ${restart}): caisson wait ${name} waits for it, caisson stop ${name} ends it, caisson logs ${name} shows why`;
  const longer = `caisson logs ${name} shows what it does; ready.timeout gives it longer`;
  return { code, message: `${message}${told}`, hint: restart === 'no' ? longer : goesOn };
}

function logsHint(name: string): string {
  return `caisson logs ${name} has what was kept of it; caisson restart ${name} tries again`;
}

function kindOf(error: Error): Fault['kind'] {
  if (error instanceof VerificationError) return 'refused';
  return error instanceof CaissonError ? kindOfCode(error.code) : 'failed';
}

/** By the end of the code, whichever room it is from: other measurements are a refusal, a missed deadline is late. */
function kindOfCode(code: string): Fault['kind'] {
  if (/_(PCR|MEASUREMENTS?)$/.test(code)) return 'refused';
  return code.endsWith('_LATE') ? 'late' : 'failed';
}

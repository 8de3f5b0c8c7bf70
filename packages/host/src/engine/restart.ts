// `restart`: the same enclaves again, from their records. A running enclave is ended under its shim, which starts it again; for one that does not
// run a shim is started.
import { CaissonError, VerificationError } from '@caisson/core/errors';
import { measureImage } from '../image/index.ts';
import { ENDED_PHASES, type EnclaveRecord, type RecordedSpec } from '../record/index.ts';
import type { RestartCommand } from './command.ts';
import type { EngineContext } from './context.ts';
import { recordsOf } from './end.ts';
import type { EngineErrorCode } from './error-code.ts';
import { faultOfError } from './failure.ts';
import { faultOutcome, outcomeOf } from './outcome.ts';
import type { UpOutcome, UpResult } from './result.ts';
import { forgetCid, startEnclave } from './start-enclave.ts';
import { Timeline } from './timeline.ts';

/** Throws CaissonError RECORD_UNKNOWN before anything is ended. */
export async function restart(command: RestartCommand, context: EngineContext): Promise<UpResult> {
  const records = await recordsOf(command.names, context);
  const enclaves = await Promise.all(records.map((record) => restartOne(record, command, context)));
  context.signal?.throwIfAborted();
  return { enclaves };
}

async function restartOne(record: EnclaveRecord, command: RestartCommand, context: EngineContext): Promise<UpOutcome> {
  const { name, spec: before } = record;
  const timeline = new Timeline(name, context.onEvent);
  try {
    if (before === undefined) throw unreadable(record);
    const spec = { ...before, ...(command.timeoutMs !== undefined && { readyTimeoutMs: command.timeoutMs }) };
    timeline.begin('boot');
    await restartUnderShim(before, command.graceMs, context);
    const started = await startEnclave(
      context,
      { spec, detach: false, operator: spec.operator, composeFile: undefined, tellsUnchanged: false },
      timeline,
    );
    return outcomeOf(spec, timeline, { ...started, unchanged: false });
  } catch (error) {
    context.signal?.throwIfAborted();
    const fault = faultOfError(error);
    timeline.failed(fault.failure.message);
    return faultOutcome(name, timeline, fault, before);
  }
}

/** Does nothing where there is no shim, or nothing runs under it: then the caller starts the enclave from its record. */
async function restartUnderShim(
  { name, image, measurements }: RecordedSpec,
  graceMs: number | undefined,
  { state, env, shims }: EngineContext,
) {
  const client = await shims.open(state, name);
  if (client === undefined) return;
  try {
    if (ENDED_PHASES.includes((await client.status()).phase)) return;
    await requireSameImage(name, image, measurements.PCR0);
    await forgetCid(state, env, name);
    await client.restart(graceMs);
  } finally {
    await client.close().catch(() => {});
  }
}

/** Checked before anything is ended: an enclave that could not be started again goes on running. */
async function requireSameImage(name: string, path: string, expected: string): Promise<void> {
  const { PCR0 } = await measureImage(path);
  if (PCR0 === expected) return;
  throw new VerificationError<EngineErrorCode>(
    'ENGINE_PCR',
    `image ${path} of enclave ${name} must measure PCR0 ${expected} as when it was started, got ${PCR0}`,
    { hint: 'what runs goes on; caisson up starts the new image, where caisson.yaml names it' },
  );
}

function unreadable({ name, fault }: EnclaveRecord): CaissonError {
  if (fault !== undefined) return fault;
  return new CaissonError<EngineErrorCode>(
    'ENGINE_RUNNING',
    `enclave ${name} must have a record to start it from, got none`,
    { hint: `caisson up starts it from its caisson.yaml; caisson rm ${name} forgets it` },
  );
}

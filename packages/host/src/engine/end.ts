// `stop`, `down` and `rm`: end enclaves and remove their records. An enclave ends before those that it depends on. A failure with one of them is
// reported and does not hold up the others.
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CaissonError } from '@caisson/core/errors';
import { removeRunFolder } from '../backend/index.ts';
import { readCompose } from '../compose/index.ts';
import { removeOwnPolicies } from '../operator/index.ts';
import {
  type EnclaveRecord,
  findRecord,
  isRunning,
  listRecords,
  type RecordedState,
  removeRecord,
} from '../record/index.ts';
import { pruneBuilt } from './built-image.ts';
import type { DownCommand, RemoveCommand, StopCommand } from './command.ts';
import type { EngineContext } from './context.ts';
import type { EngineErrorCode } from './error-code.ts';
import { faultOfError } from './failure.ts';
import type { EndedEnclave, EndResult } from './result.ts';

// Chosen.
const leaveMs = 10_000;
const lookMs = 20;

/** Throws CaissonError RECORD_UNKNOWN before anything is ended. */
export async function stop({ names, graceMs }: StopCommand, context: EngineContext): Promise<EndResult> {
  const records = await recordsOf(names, context);
  return await endAll(records, context, async (record) => await endOne(record, context, graceMs));
}

/** Throws what reading caisson.yaml throws, PolicyError COMPOSE_NAME. */
export async function down({ which, graceMs, images }: DownCommand, context: EngineContext): Promise<EndResult> {
  const records = await recordsFor(which, context);
  return await endAll(records, context, async (record) => {
    const ended = await endAndRemove(record, context, graceMs);
    if (images) await pruneBuilt(context.state, record.name, null);
    return ended;
  });
}

/** Throws CaissonError RECORD_UNKNOWN, and ENGINE_RUNNING without `force`, before anything is removed. */
export async function remove({ names, force }: RemoveCommand, context: EngineContext): Promise<EndResult> {
  const records = await recordsOf(names, context);
  for (const record of records) {
    if (force || !isRunning(record)) continue;
    throw new CaissonError<EngineErrorCode>(
      'ENGINE_RUNNING',
      `enclave ${record.name} must have ended to be removed, got phase ${record.state?.phase}`,
      { hint: `caisson stop ${record.name}, or rm -f` },
    );
  }
  return await endAll(records, context, async (record) => await endAndRemove(record, context, undefined));
}

/** Does nothing if the enclave has ended already. Throws what the shim throws. */
async function endOne(
  record: EnclaveRecord,
  { state, env, words, shims }: EngineContext,
  graceMs: number | undefined,
): Promise<EndedEnclave> {
  const { name } = record;
  const client = await shims.open(state, name);
  if (client === undefined && record.state?.phase === 'lost') {
    const isLeft = record.state.backend === 'nitro';
    await shims.endLeft({ state, name, words, env }).catch((error: unknown) => {
      // Nothing runs any more; what remains are files, which the next start removes too.
      if (isLeft) throw error;
    });
    const end = isLeft ? 'was left by its shim and ended' : 'ended with its shim';
    return { name, wasRunning: true, end, removed: false, failure: null };
  }
  if (client === undefined) {
    return { name, wasRunning: false, end: record.state?.end?.text ?? null, removed: false, failure: null };
  }
  try {
    const last = graceMs === 0 ? await client.kill() : await client.stop(graceMs);
    // With an unreadable record only the shim knows what ran, and it has just ended something.
    const wasRunning = isRunning(record) || record.state === undefined;
    // Something may still run on hardware: that is a failure, whatever phase was recorded.
    if (last.failure?.code.endsWith('_LEFT')) throw errorOf(last.failure);
    return { name, wasRunning, end: last.end?.text ?? last.phase, removed: false, failure: null };
  } finally {
    await client.close().catch(() => {});
  }
}

function errorOf({ code, message, hint }: NonNullable<RecordedState['failure']>): CaissonError {
  return new CaissonError(code, message, hint === null ? {} : { hint });
}

/** The records with these names, each once. Throws CaissonError RECORD_UNKNOWN for the first name without a record. */
export async function recordsOf(names: readonly string[], { state }: EngineContext): Promise<EnclaveRecord[]> {
  return await Promise.all([...new Set(names)].map((name) => findRecord(state, name)));
}

async function recordsFor(which: DownCommand['which'], context: EngineContext): Promise<readonly EnclaveRecord[]> {
  if (which.kind === 'all') return await listRecords(context.state);
  if (which.kind === 'names') return await recordsOf(which.names, context);
  const file = resolve(which.file);
  // By file, not by name: an enclave of the same name that another file started stays, and one that was deleted from this file goes.
  const found = (await listRecords(context.state)).filter(({ spec }) => spec?.composeFile === file);
  // A file that was broken or removed since then keeps nobody from ending what came of it; one that nothing came of may be a slip.
  if (found.length === 0) await readCompose(which.file, { variables: { ...which.variables, ...context.env } });
  return found;
}

async function endAndRemove(
  record: EnclaveRecord,
  context: EngineContext,
  graceMs: number | undefined,
): Promise<EndedEnclave> {
  const { name } = record;
  const { state, env } = context;
  let ended = await endOne(record, context, graceMs);
  await removeOwnPolicies(env, name, record.state?.cid ?? null);
  for (const deadlineMs = performance.now() + leaveMs; ; ) {
    try {
      await removeRecord(state, name);
      if ((await listRecords(state)).length === 0) await removeRunFolder(state);
      return { ...ended, removed: true };
    } catch (error) {
      // The shim has reported the end and is about to exit, or it was just starting and can be asked now.
      const isLeaving = error instanceof CaissonError && error.code === 'RECORD_RUNNING';
      if (!isLeaving || performance.now() > deadlineMs) throw error;
    }
    await pause(lookMs);
    const now = await findRecord(state, name);
    const again = isRunning(now) ? await endOne(now, context, graceMs) : ended;
    if (again.wasRunning) ended = again;
  }
}

/** Ends each enclave after those that depend on it. */
async function endAll(
  records: readonly EnclaveRecord[],
  { onEvent }: EngineContext,
  end: (record: EnclaveRecord) => Promise<EndedEnclave>,
): Promise<EndResult> {
  const tasks = new Map<string, Promise<EndedEnclave>>();
  const task = (record: EnclaveRecord, way: readonly string[]): Promise<EndedEnclave> => {
    const { name } = record;
    const begun = tasks.get(name);
    if (begun !== undefined) return begun;
    // Files can have changed since their enclaves were started, so recorded dependencies may form a circle.
    const waiting = records.filter((other) => other.spec?.dependsOn.includes(name) && !way.includes(other.name));
    const before = waiting.map((other) => task(other, [...way, name]));
    const mine = Promise.all(before).then(async () => {
      const ended = await end(record).catch((error: unknown): EndedEnclave => {
        const { code, message, hint } = faultOfError(error).failure;
        return { name, wasRunning: isRunning(record), end: null, removed: false, failure: { code, message, hint } };
      });
      const how = ended.failure === null ? describe(ended) : ended.failure.message;
      onEvent({ kind: 'note', enclave: name, level: ended.failure === null ? 'info' : 'warn', text: how });
      return ended;
    });
    tasks.set(name, mine);
    return mine;
  };
  return { enclaves: await Promise.all(records.map((record) => task(record, []))) };
}

function describe({ wasRunning, end, removed }: EndedEnclave): string {
  const what = wasRunning ? (end ?? 'ended') : 'did not run';
  return removed ? `${what}; removed` : what;
}

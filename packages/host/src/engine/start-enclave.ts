// Brings one enclave from its record to ready and proven. If it already runs as asked for, nothing is restarted; if it runs otherwise, it is ended
// first.
import { CaissonError } from '@caisson/core/errors';
import { withLock } from '../file/index.ts';
import { removeOwnPolicies } from '../operator/index.ts';
import {
  ENDED_PHASES,
  openEnclaveFolder,
  type RecordedSpec,
  type RecordedState,
  readSpec,
  readState,
  stateFault,
  writeSpec,
} from '../record/index.ts';
import type { ShimClient } from '../shim/index.ts';
import { pruneConfigs } from './boot-config.ts';
import { compareSpec } from './compare-spec.ts';
import type { EngineContext } from './context.ts';
import type { EngineErrorCode } from './error-code.ts';
import { faultOfFollowed } from './failure.ts';
import { followToReady } from './follow.ts';
import { createTeller, tellVerdict } from './phase-teller.ts';
import { proveEnclave } from './prove.ts';
import type { UpFailure, UpOutcomeKind, Verdict } from './result.ts';
import type { Timeline } from './timeline.ts';

export interface StartRequest {
  readonly spec: RecordedSpec;
  readonly operator: string | undefined;
  /** The caisson.yaml of this command, for its policy. */
  readonly composeFile: string | undefined;
  readonly detach: boolean;
  /** How long its image waits for a boot config that nobody gives. */
  readonly vainWaitMs?: number | undefined;
  /** False if a note about an unchanged enclave would repeat what the command says anyway. Default true. */
  readonly tellsUnchanged?: boolean;
}

export interface Started {
  readonly kind: UpOutcomeKind;
  readonly unchanged: boolean;
  readonly changes: readonly string[];
  readonly last: RecordedState | undefined;
  readonly verdict: Verdict | null;
  readonly failure: UpFailure | null;
}

// Chosen: the command before this one may have to end an enclave and to start a shim.
const turnMs = 90_000;

/** Throws CaissonError ENGINE_NAME where the name is another's, LimitError FILE_LOCKED, and what writing the record and starting the shim throw. */
export async function startEnclave(
  context: EngineContext,
  request: StartRequest,
  timeline: Timeline,
): Promise<Started> {
  const { spec, detach } = request;
  const beganMs = Date.now();
  const { client, changes, unchanged } = await oneAtATime(context, spec.name, () =>
    openOrStart(context, spec, timeline),
  );
  const facts = { changes, unchanged };
  try {
    if (detach) {
      timeline.done('its shim has taken it');
      const last = await client.status().catch(() => undefined);
      return { ...facts, kind: 'started', last, verdict: null, failure: null };
    }
    return { ...facts, ...(await followAndProve(context, request, client, timeline, { beganMs, unchanged })) };
  } finally {
    await client.close().catch(() => {});
  }
}

/** If two commands start one enclave at the same time, the second one finds what the first has started. */
async function oneAtATime<Result>(
  { state, signal }: EngineContext,
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const { start } = await openEnclaveFolder(state, name);
  let isMine = false;
  const mine = (): Promise<Result> => {
    isMine = true;
    return work();
  };
  return await withLock(start, mine, { timeoutMs: turnMs, signal }).catch((error: unknown) => {
    if (isMine || signal?.aborted === true) throw error;
    throw stateFault(`cannot write the folder of enclave ${name}`, error);
  });
}

async function followAndProve(
  { state, env, variables, signal }: EngineContext,
  { spec, operator, composeFile, vainWaitMs, tellsUnchanged = true }: StartRequest,
  client: ShimClient,
  timeline: Timeline,
  { beganMs, unchanged }: { readonly beganMs: number; readonly unchanged: boolean },
): Promise<Omit<Started, 'changes' | 'unchanged'>> {
  const { name, readyTimeoutMs: timeoutMs, restart } = spec;
  const { onEvent, onState } = createTeller(timeline, vainWaitMs);
  const options = { state, name, client, timeoutMs, startsAgain: restart !== 'no', signal, onState };
  let followed = await followToReady({ ...options, sinceMs: beganMs, onEvent });
  let [proven, verdict]: [string | null | undefined, Verdict | null] = [undefined, null];
  // An enclave may fall right after it said ready, and a restart by its shim is another boot that needs a proof of its own.
  while (followed.outcome === 'ready' && followed.last !== undefined && followed.last.bootId !== proven) {
    const { last } = followed;
    if (unchanged && tellsUnchanged && proven === undefined)
      timeline.note('info', `runs already as asked for, since ${last.startedAt ?? last.since}`);
    timeline.begin('verified');
    verdict = await proveEnclave({ env, variables, spec, state: last, operator, composeFile, signal });
    proven = last.bootId;
    followed = await followToReady({ ...options, sinceMs: Date.now(), onEvent: () => {} });
  }
  const { last } = followed;
  if (followed.outcome !== 'ready' || last === undefined || verdict === null) {
    const { kind, failure } = await faultOfFollowed(state, spec, followed);
    timeline.failed(failure.message);
    return { kind, last, verdict: null, failure };
  }
  tellVerdict(verdict, timeline);
  return { kind: !verdict.holds && verdict.broken ? 'refused' : 'ready', last, verdict, failure: null };
}

/** Checked before anything is built. Throws CaissonError ENGINE_NAME where another caisson.yaml has an enclave of this name. */
export async function requireName(state: string, name: string, composeFile: string | null): Promise<void> {
  const [before, now] = [
    await readSpec(state, name).catch(() => undefined),
    await readState(state, name).catch(() => undefined),
  ];
  if (before === undefined || now === undefined || ENDED_PHASES.includes(now.phase)) return;
  if (before.composeFile === composeFile) return;
  const whose = before.composeFile ?? 'caisson run';
  throw new CaissonError<EngineErrorCode>(
    'ENGINE_NAME',
    `enclave name ${name} must be free for ${composeFile ?? 'caisson run'}, got one that runs already, of ${whose}`,
    {
      hint: `take another name, or end that one: caisson down ${name}`,
    },
  );
}

async function openOrStart(
  context: EngineContext,
  spec: RecordedSpec,
  timeline: Timeline,
): Promise<{ readonly client: ShimClient; readonly changes: readonly string[]; readonly unchanged: boolean }> {
  const { state, env, words, shims } = context;
  const { name, composeFile } = spec;
  await requireName(state, name, composeFile);
  const before = await readSpec(state, name).catch(() => undefined);
  const running = await shims.open(state, name);
  let changes: readonly string[] = [];
  if (running !== undefined) {
    const last = await running.status().catch(() => undefined);
    const isRunning = last !== undefined && !ENDED_PHASES.includes(last.phase);
    if (isRunning) {
      changes = before === undefined ? ['its record cannot be read'] : compareSpec(before, spec);
      if (changes.length === 0) return { client: running, changes, unchanged: true };
      tellChanges(changes, timeline);
    }
    try {
      await running.stop();
    } finally {
      await running.close().catch(() => {});
    }
  }
  changes = running === undefined ? await endLeft(context, spec, before, timeline) : changes;
  await forgetCid(state, env, name);
  timeline.begin('boot');
  await writeSpec(state, spec);
  await pruneConfigs(state, spec);
  return { client: await shims.start({ state, name, words, env }), changes, unchanged: false };
}

/** An enclave that outlived its shim is taken over by the next shim if it is what was asked for, and ended otherwise. */
async function endLeft(
  { state, env, words, shims }: EngineContext,
  spec: RecordedSpec,
  before: RecordedSpec | undefined,
  timeline: Timeline,
): Promise<readonly string[]> {
  const { name } = spec;
  const last = await readState(state, name).catch(() => undefined);
  if (before === undefined || last?.phase !== 'lost' || last.backend !== 'nitro') return [];
  const changes = compareSpec(before, spec);
  if (changes.length === 0) return [];
  tellChanges(changes, timeline);
  await shims.endLeft({ state, name, words, env });
  return changes;
}

function tellChanges(changes: readonly string[], timeline: Timeline): void {
  timeline.note('info', `is another than what runs, which ends first: ${changes.join('; ')}`);
}

/** Removes the policy that `up` wrote under the old CID: the next one may be another. */
export async function forgetCid(state: string, env: EngineContext['env'], name: string): Promise<void> {
  const last = await readState(state, name).catch(() => undefined);
  await removeOwnPolicies(env, name, last?.cid ?? null);
}

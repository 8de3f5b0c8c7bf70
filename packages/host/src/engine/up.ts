// `up`: every enclave of a caisson.yaml, those that wait for nobody side by side. Builds take turns, since each uses all of the machine; boots do too,
// under boot.lock. One that fails takes with it those that wait for it, and no other.
import { dirname, resolve } from 'node:path';
import {
  type Compose,
  ComposeFaultError,
  checkCompose,
  chooseEnclave,
  type EnclaveSpec,
  startOrder,
} from '../compose/index.ts';
import { hintOfCode } from '../explain/index.ts';
import type { RecordedSpec } from '../record/index.ts';
import { pruneBuilt } from './built-image.ts';
import { chooseBackend } from './choose-backend.ts';
import type { UpCommand } from './command.ts';
import type { EngineContext } from './context.ts';
import type { EngineErrorCode } from './error-code.ts';
import { faultOfError } from './failure.ts';
import { type ForeseenEnclave, foresee } from './foresee.ts';
import { faultOutcome, outcomeOf } from './outcome.ts';
import { prepareEnclave } from './prepare.ts';
import type { UpOutcome, UpResult } from './result.ts';
import { requireName, startEnclave } from './start-enclave.ts';
import { Timeline } from './timeline.ts';

/** Throws ComposeFaultError, PolicyError COMPOSE_NAME, CaissonError ENGINE_NAME, and what `foresee` throws; rejects with the reason of the signal. */
export async function up(command: UpCommand, given: EngineContext): Promise<UpResult> {
  const file = resolve(command.file);
  const context = { ...given, variables: { ...command.variables, ...given.env } };
  const { compose, configs } = await readWhole(command, given.env);
  for (const note of compose.notes) context.onEvent({ kind: 'note', enclave: null, level: 'info', text: note });
  const names = chosenNames(compose, command.names);
  for (const name of names) await requireName(context.state, name, file);
  const foreseen = names.map((name): ForeseenEnclave => {
    const spec = compose.enclaves.get(name)!;
    const { backend } = chooseBackend(command.backend ?? spec.backend ?? 'auto', context.env);
    return { name, backend, spec, config: configs.get(name) };
  });
  tellBackends(compose, names, command, context);
  await foresee(foreseen, context);
  const turn = createTurn();
  const tasks = new Map<string, Promise<UpOutcome>>();
  for (const name of names) {
    const spec = compose.enclaves.get(name)!;
    const before = (spec.depends_on ?? []).map((other) => tasks.get(other)!);
    tasks.set(name, bringUp({ name, spec, file, before, turn, command }, context));
  }
  const settled = await Promise.allSettled(tasks.values());
  context.signal?.throwIfAborted();
  const enclaves = settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
  return { enclaves };
}

interface BringUp {
  readonly name: string;
  readonly spec: EnclaveSpec;
  readonly file: string;
  readonly before: readonly Promise<UpOutcome>[];
  readonly turn: Turn;
  readonly command: UpCommand;
}

async function bringUp(
  { name, spec, file, before, turn, command }: BringUp,
  context: EngineContext,
): Promise<UpOutcome> {
  const timeline = new Timeline(name, context.onEvent);
  let recorded: RecordedSpec | undefined;
  try {
    const prepared = await turn(async () => {
      context.signal?.throwIfAborted();
      const { backend } = chooseBackend(command.backend ?? spec.backend ?? 'auto', context.env);
      const { timeoutMs } = command;
      const asked = { name, spec, backend, composeFile: file, folder: dirname(file), timeoutMs };
      return await prepareEnclave(asked, context, timeline);
    });
    recorded = prepared.recorded;
    const missing = (await Promise.all(before)).find(({ kind }) => !['ready', 'started'].includes(kind));
    if (missing !== undefined) return skipped(name, missing.name, timeline, recorded);
    const { detach } = command;
    const started = await startEnclave(
      context,
      // What came on standard input cannot be read again by whoever looks for a policy.
      {
        spec: recorded,
        detach,
        vainWaitMs: prepared.vainWaitMs,
        operator: spec.operators?.local,
        composeFile: command.file === '-' ? undefined : file,
      },
      timeline,
    );
    await pruneBuilt(context.state, name, recorded.image);
    return outcomeOf(recorded, timeline, started);
  } catch (error) {
    context.signal?.throwIfAborted();
    const fault = faultOfError(error);
    timeline.failed(fault.failure.message);
    return faultOutcome(name, timeline, fault, recorded);
  }
}

/** Every fault of the file and of what it names, but for the measurement of an image: that is a refusal of its own kind. */
async function readWhole({ file, variables }: UpCommand, env: EngineContext['env']) {
  const { compose, faults, configs } = await checkCompose(file, { variables, env });
  const counting = faults.filter(({ message }) => !/ must measure PCR0 /.test(message));
  if (compose === undefined || counting.length > 0) throw new ComposeFaultError(file, counting);
  return { compose, configs };
}

/** In the order to start them; with those that the named ones wait for. */
function chosenNames(compose: Compose, named: readonly string[]): string[] {
  const wanted = new Set<string>();
  const add = (name: string): void => {
    const { spec } = chooseEnclave(compose, name);
    wanted.add(name);
    for (const other of spec.depends_on ?? []) if (!wanted.has(other)) add(other);
  };
  for (const name of named.length > 0 ? named : compose.enclaves.keys()) add(name);
  return startOrder(compose.enclaves).filter((name) => wanted.has(name));
}

function tellBackends(
  compose: Compose,
  names: readonly string[],
  command: UpCommand,
  { env, onEvent }: EngineContext,
): void {
  const told = new Set<string>();
  for (const name of names) {
    const choice = command.backend ?? compose.enclaves.get(name)?.backend ?? 'auto';
    const { backend, why } = chooseBackend(choice, env);
    if (told.has(backend)) continue;
    told.add(backend);
    const simulated = backend === 'nitro' ? '' : '; SIMULATED: it proves nothing about hardware';
    onEvent({ kind: 'note', enclave: null, level: 'info', text: `backend ${backend} (${why})${simulated}` });
  }
}

function skipped(name: string, other: string, timeline: Timeline, spec: RecordedSpec): UpOutcome {
  const code: EngineErrorCode = 'ENGINE_DEPENDS';
  const message = `enclave ${name} waits for ${other}, which did not come up`;
  timeline.failed(message);
  return faultOutcome(
    name,
    timeline,
    { kind: 'skipped', failure: { code, message, hint: hintOfCode(code) ?? null, evidence: [] } },
    spec,
  );
}

type Turn = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** One after the other, whatever becomes of each. */
function createTurn(): Turn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };
}

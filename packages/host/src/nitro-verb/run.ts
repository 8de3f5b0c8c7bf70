// `run-enclave`: an enclave of an image file, kept by a shim as any other. It returns at the heartbeat, as nitro-cli does and not when the enclave is
// ready: what was written for nitro-cli sends the boot config only after it has returned.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { CpuChoice } from '../backend/index.ts';
import type { BackendChoice, EngineEvent, EngineWatch, UpOutcome } from '../engine/index.ts';
import { writeOwnPolicy } from '../operator/index.ts';
import { type EnclaveRecord, isRunning } from '../record/index.ts';
import { chooseName, NITRO_NAME_LABEL } from './enclave-name.ts';
import { listEnclaves, type NitroVerbWorld } from './list.ts';
import { nitroCodeOf } from './nitro-code-of.ts';
import { describeStarted, type NitroStarted } from './nitro-enclave.ts';
import { NitroVerbError } from './nitro-verb-error.ts';

export interface RunEnclaveWords {
  readonly eifPath: string;
  readonly cpus: CpuChoice;
  readonly memoryMiB: number;
  readonly cid?: number | undefined;
  readonly name?: string | undefined;
  readonly debug: boolean;
  readonly backend: BackendChoice;
  /** `[[ADDRESS:]HOSTPORT:]PORT`; nitro-cli has none. */
  readonly ingress?: readonly string[];
  /** `HOST:PORT`. */
  readonly egress?: readonly string[];
}

// Chosen. nitro-cli knows no ready; an image that waits a day for its config has been forgotten.
const readyMs = 24 * 3_600_000;
// A boot waits for those before it; the shim has deadlines of its own for each step.
const heartbeatMs = 900_000;
const lookMs = 50;

/** Throws NitroVerbError, and what the engine throws; an enclave that did not come up is not left running. */
export async function runEnclave(
  world: NitroVerbWorld,
  words: RunEnclaveWords,
  watch: EngineWatch = {},
): Promise<{ readonly started: NitroStarted; readonly record: EnclaveRecord }> {
  const { engine, say } = world;
  const { eifPath, cpus, memoryMiB, cid, debug, backend, ingress = [], egress = [] } = words;
  const image = resolve(eifPath);
  if (!existsSync(image))
    throw new NitroVerbError('E19', 'NITRO_VERB_WORDS', `--eif-path ${eifPath} must be an image file, got ENOENT`);
  const { name, shown, replaces } = chooseName(words.name, eifPath, await engine.execute({ verb: 'list' }));
  if (replaces.length > 0) await engine.execute({ verb: 'remove', names: replaces, force: false });
  const outcome = await engine.execute(
    {
      verb: 'run',
      image,
      name,
      command: [],
      backend,
      cpus,
      memoryMiB,
      debug,
      ...(cid !== undefined && { cid }),
      ingress,
      egress,
      restart: 'no',
      labels: { [NITRO_NAME_LABEL]: shown },
      timeoutMs: readyMs,
      detach: true,
    },
    { onEvent: (event) => sayNote(event, say), ...watch },
  );
  requireStarted(outcome);
  const record = await awaitHeartbeat(world, name, watch.signal);
  const listed = (await listEnclaves(world)).find((one) => one.record?.name === name);
  const started = describeStarted(record, listed?.real);
  if (started === undefined) throw failed(name, 'ENGINE_ENDED', 'its record is not there', undefined);
  await writePolicy(world, record);
  if (record.spec?.hasReadyLine === false) say(`the image of ${shown} has no ready line: started means its heartbeat`);
  else say(`${shown} has given its heartbeat; caisson wait ${name} says when it is ready`);
  return { started, record };
}

/** What it runs on is one of them: nobody must take a simulation for hardware. */
function sayNote(event: EngineEvent, say: (line: string) => void): void {
  if (event.kind === 'note') say(event.hint === undefined ? event.text : `${event.text}\n  hint: ${event.hint}`);
}

/** As `up` does (docs/run.md): whoever has started an enclave here by sim or qemu can command it. */
async function writePolicy({ env, say }: NitroVerbWorld, { spec, state }: EnclaveRecord): Promise<void> {
  if (spec?.hasControl !== true || state === undefined || spec.backend === 'nitro') return;
  try {
    const policy = await writeOwnPolicy(env, spec, state);
    if (!policy.written) say(`no policy written: ${policy.why}`);
  } catch (error) {
    say(`no policy written: ${(error as Error).message}`);
  }
}

function requireStarted({ name, kind, failure }: UpOutcome): void {
  if (kind === 'ready' || kind === 'started') return;
  throw failed(name, failure?.code ?? 'ENGINE_ENDED', failure?.message ?? `it is ${kind}`, failure?.hint ?? undefined);
}

async function awaitHeartbeat(
  { engine }: NitroVerbWorld,
  name: string,
  signal: AbortSignal | undefined,
): Promise<EnclaveRecord> {
  for (const untilMs = performance.now() + heartbeatMs; ; ) {
    const record = (await engine.execute({ verb: 'list' })).find((one) => one.name === name);
    const state = record?.state;
    if (record !== undefined && state !== undefined && isRunning(record) && state.heartbeatMs !== null) return record;
    if (record === undefined || (state !== undefined && !isRunning(record))) {
      const {
        code = 'ENGINE_ENDED',
        message = state?.end?.text ?? 'it ended before its heartbeat',
        hint,
      } = state?.failure ?? {};
      throw failed(name, code, message, hint ?? undefined);
    }
    if (performance.now() >= untilMs) {
      await engine.execute({ verb: 'stop', names: [name], graceMs: 0 });
      throw failed(name, 'BACKEND_LATE', `it gave no heartbeat within ${heartbeatMs} ms`, undefined);
    }
    await pause(lookMs, undefined, signal === undefined ? {} : { signal });
  }
}

function failed(name: string, code: string, message: string, hint: string | undefined): NitroVerbError {
  return new NitroVerbError(
    nitroCodeOf({ code, message }, 'start'),
    'NITRO_VERB_START',
    `enclave ${name} did not start: ${message}`,
    { hint: hint ?? `caisson logs ${name} shows what was kept of it` },
  );
}

// A shim as a process: takes the lock that makes it the only one, serves its socket, keeps its enclave, and ends in order. What prevents it from
// starting it tells the process that started it; whatever happens later is in state.json and in its events.
import { CaissonError } from '@caisson/core/errors';
import type { Kernel } from '@caisson/sys';
import type { Backend, BackendKind } from '../backend/index.ts';
import { readProcessStart, withLock } from '../file/index.ts';
import type { RecordErrorCode } from '../record/error-code.ts';
import {
  ENDED_PHASES,
  type EnclaveFolder,
  openEnclaveFolder,
  type RecordedSpec,
  type RecordedState,
  readSpec,
  readState,
} from '../record/index.ts';
import { SHIM_PROTOCOL, type ShimEvent, type ShimStats } from './client-interface.ts';
import { type ShimClock, systemClock } from './clock.ts';
import type { ShimErrorCode } from './error-code.ts';
import { EventLog } from './event-log.ts';
import { asShimError, failureOf } from './failure.ts';
import { Keep, type KeepOptions } from './keep.ts';
import { LogFile } from './log-file.ts';
import { type ShimDesk, type ShimServer, serveShim } from './server.ts';
import { shimSocketPath } from './socket-place.ts';
import { StateKeeper } from './state-keeper.ts';
import { readProcessCost } from './stats.ts';
import type { ShimStep } from './step.ts';
import { tellDifferences } from './tell-differences.ts';
import { findVsockHolder } from './vsock-holder.ts';

export interface RunShimOptions {
  /** The state folder. */
  readonly state: string;
  readonly name: string;
  /** Version of this program. */
  readonly version: string;
  readonly kernel: Kernel;
  openBackend(kind: BackendKind): Backend | Promise<Backend>;
  /** Environment that locates the operator's folder, where `up` keeps policies by CID. Default: none are kept. */
  readonly operatorEnv?: Readonly<Record<string, string | undefined>>;
  /** Aborted to end the enclave in order, and then the shim. */
  readonly stop: AbortSignal;
  /** Called once, when the shim answers on its socket. */
  onUp?(): void;
  readonly clock?: ShimClock;
  /** Tests kill the shim at each step. */
  readonly onStep?: (step: ShimStep) => void;
}

// Chosen: a shim whose enclave is already over stays this long, so that whoever started it can still ask how it went.
const lingerMs = 2_000;
const leaveMs = 10_000;
/** Chosen: a command that cleans up after a dead shim holds the lock for a moment. */
const sweepMs = 500;

/**
 * Resolves with the last state once nothing runs. Throws what prevented it from starting: CaissonError SHIM_TAKEN, RECORD_UNKNOWN, RECORD_STATE and
 * what reading the spec throws.
 */
export async function runShim(options: RunShimOptions): Promise<RecordedState> {
  const { state, name, onStep = () => {} } = options;
  await requireSpec(state, name);
  const folder = await openEnclaveFolder(state, name);
  try {
    return await withLock(
      folder.shimPid,
      async () => {
        onStep('locked');
        // Read only now that the lock is held: until then another command may have removed or replaced the record.
        return await keepOne(options, await requireSpec(state, name), folder);
      },
      // A shim whose enclave has ended is about to release the lock: wait longer for it.
      { timeoutMs: (await hasEnded(state, name)) ? leaveMs : sweepMs },
    );
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'FILE_LOCKED') throw error;
    throw new CaissonError<ShimErrorCode>('SHIM_TAKEN', `enclave ${name} must have one shim, got a second`, {
      cause: error,
      hint: `caisson ps shows the enclave, caisson stop ${name} ends it`,
    });
  }
}

async function requireSpec(state: string, name: string): Promise<RecordedSpec> {
  const spec = await readSpec(state, name);
  if (spec !== undefined) return spec;
  throw new CaissonError<RecordErrorCode>('RECORD_UNKNOWN', `enclave ${name} must have a record in ${state}, got none`);
}

async function hasEnded(state: string, name: string): Promise<boolean> {
  const last = await readState(state, name).catch(() => undefined);
  return last !== undefined && ENDED_PHASES.includes(last.phase);
}

async function keepOne(options: RunShimOptions, spec: RecordedSpec, folder: EnclaveFolder): Promise<RecordedState> {
  const { state, name, version, stop, onUp, clock = systemClock, onStep = () => {} } = options;
  const previous = await readState(state, name).catch(() => undefined);
  const date = (): number => clock.date();
  const logFile = openLogFile(spec, date, (error) =>
    events.add('warn', 'LOG_FILE_UNWRITTEN', `${spec.logFile} has no lines of it: ${error.message}`),
  );
  const onEvent = (event: ShimEvent): void => logFile?.event(event);
  const events = new EventLog({ enclave: name, path: folder.events, date, onEvent });
  logFile?.begin();
  const start = await readProcessStart(process.pid);
  const shim = { pid: process.pid, start, protocol: SHIM_PROTOCOL, version };
  const keeper = new StateKeeper(state, firstState(spec, shim, previous, date()), events, date);
  await keeper.begin();
  onStep('state-begun');
  const world = { keeper, events, logFile, clock, onStep };
  const [keep, server] = await openKeep(options, spec, folder, world).catch(async (error: unknown) => {
    // `lost` stays `lost`: something of it may still run.
    if (previous?.phase !== 'lost') keeper.enter('failed', { failure: failureOf(asShimError(error)) });
    await keeper.flush();
    throw error;
  });
  onStep('socket-bound');
  events.add('info', 'SHIM_STARTED', `shim of enclave ${name} is process ${process.pid}`, {
    pid: process.pid,
    version,
  });
  onUp?.();
  const asked = (): void => {
    keep.stop().catch((error: Error) => events.add('error', 'STOP_FAILED', error.message));
  };
  stop.addEventListener('abort', asked, { once: true });
  if (stop.aborted) asked();
  // Only a lost enclave may still run; an ended one cannot be taken over.
  await keep.run(previous?.phase === 'lost' ? previous : undefined);
  stop.removeEventListener('abort', asked);
  if (!stop.aborted) await lingerUntilAsked(server, clock);
  events.end();
  logFile?.close();
  await server.close();
  return keeper.current;
}

/** The enclave's keeper, and the socket over which it is asked. Nothing runs yet. */
async function openKeep(
  { state, name, version, kernel, operatorEnv, openBackend }: RunShimOptions,
  spec: RecordedSpec,
  folder: EnclaveFolder,
  world: Pick<KeepOptions, 'keeper' | 'events' | 'logFile' | 'clock' | 'onStep'>,
): Promise<readonly [Keep, ShimServer]> {
  const { keeper, events, clock } = world;
  const backend = await openBackend(spec.backend);
  await tellDifferences(state, backend, events);
  const keep = new Keep({
    ...world,
    spec,
    backend,
    kernel,
    folder,
    operatorEnv,
    findVsockHolder: (port) => findVsockHolder(state, name, port),
  });
  const desk = createDesk({ keep, keeper, events, clock, spec, version });
  return [keep, await serveShim(await shimSocketPath(state, name), desk, kernel)];
}

/** Whoever started the shim may not have asked yet how it went. */
async function lingerUntilAsked({ asked }: ShimServer, clock: ShimClock): Promise<void> {
  const timer = Promise.withResolvers<void>();
  const linger = clock.setTimer(lingerMs, timer.resolve);
  await Promise.race([asked, timer.promise]);
  linger.cancel();
}

function openLogFile(
  { name: enclave, logFile: path, logLevel: level = 'trace' }: RecordedSpec,
  date: () => number,
  onTrouble: (error: Error) => void,
): LogFile | undefined {
  return path === undefined ? undefined : new LogFile({ path, enclave, level, date, onTrouble });
}

function firstState(
  { name, backend }: RecordedSpec,
  shim: RecordedState['shim'],
  previous: RecordedState | undefined,
  nowMs: number,
): RecordedState {
  return {
    v: 1,
    name,
    phase: 'starting',
    since: new Date(nowMs).toISOString(),
    backend,
    cid: null,
    vsock: null,
    pids: [],
    shim,
    bootId: null,
    startedAt: null,
    heartbeatMs: null,
    readyMs: null,
    restarts: 0,
    reasons: [],
    configSha384: null,
    documents: null,
    departures: [],
    end: previous?.end ?? null,
    failure: null,
  };
}

interface DeskParts {
  readonly keep: Keep;
  readonly keeper: StateKeeper;
  readonly events: EventLog;
  readonly clock: ShimClock;
  readonly spec: RecordedSpec;
  readonly version: string;
}

function createDesk({ keep, keeper, events, clock, spec, version }: DeskParts): ShimDesk {
  return {
    hello: { v: 1, protocol: SHIM_PROTOCOL, version, name: spec.name, pid: process.pid },
    status: () => keeper.current,
    stop: (graceMs) => keep.stop(graceMs),
    kill: () => keep.kill(),
    restart: (graceMs) => keep.restart(graceMs),
    events: (options) => events.read(options),
    console(options) {
      if (spec.backend === 'nitro' && !spec.debug) {
        throw new CaissonError<ShimErrorCode>(
          'SHIM_CONSOLE',
          `the console of enclave ${spec.name} can be read in debug mode only`,
          { hint: 'debug: true opens it, and then its documents prove nothing' },
        );
      }
      return keep.boot?.console?.read(options) ?? nothing();
    },
    async stats(): Promise<ShimStats> {
      const { startedAt } = keeper.current;
      const cost = spec.backend === 'nitro' ? undefined : await readProcessCost(keep.boot?.pids ?? []);
      return {
        uptimeMs: startedAt === null ? 0 : Math.max(0, clock.date() - Date.parse(startedAt)),
        cpuMs: cost?.cpuMs ?? null,
        residentBytes: cost?.residentBytes ?? null,
        shimResidentBytes: process.memoryUsage.rss(),
        ingress: keep.ingressStats(),
        egress: keep.boot?.egressStats() ?? [],
      };
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

// One boot of an enclave, from the look at its image to the moment when nothing of it is left:
//
//   starting ──► (place known: ready line and ways out listen) ──► booting ──► heartbeat ──► config, services ──► ready ◄──► degraded
//       │                                                             │            │                │               │
//       └──────────────────────────────── failed, late, asked to stop, ended by itself ─────────────┴───────────────┘──► ended
//
// What listens for the enclave stands before its first instruction, and goes after its last. Nothing that it says is believed beyond its form.
import type { CaissonError } from '@caisson/core/errors';
import type { Kernel, NativeEngine } from '@caisson/sys';
import { BootError } from '../backend/boot-error.ts';
import { describeEnd } from '../backend/end.ts';
import type { Backend, EnclaveEnd, EnclavePlace, EnclaveSpec, RunningEnclave } from '../backend/index.ts';
import type { EnclaveFolder, RecordedSpec, RecordedState } from '../record/index.ts';
import { readAskedConfig } from './boot-config.ts';
import { BoundedFile } from './bounded-file.ts';
import type { ShimBridgeStats } from './client-interface.ts';
import type { ShimClock } from './clock.ts';
import { ConsoleKeeper } from './console-keeper.ts';
import { type Egress, openEgress } from './egress.ts';
import type { EventLog } from './event-log.ts';
import { asShimError, isOfLeft, lateInside, leftRunning } from './failure.ts';
import type { Gate } from './gate.ts';
import { LineKeeper } from './line-keeper.ts';
import type { LogFile } from './log-file.ts';
import type { Outcome } from './restart.ts';
import type { StateKeeper } from './state-keeper.ts';
import type { ShimStep } from './step.ts';
import { TargetFile } from './target-file.ts';

export interface BootTools {
  readonly spec: RecordedSpec;
  readonly backend: Backend;
  readonly kernel: Kernel;
  readonly engine: NativeEngine | undefined;
  readonly clock: ShimClock;
  readonly events: EventLog;
  readonly keeper: StateKeeper;
  readonly gate: Gate;
  readonly folder: EnclaveFolder;
  readonly logFile: LogFile | undefined;
  /** The enclave of this host that has this vsock port of it for itself. */
  findVsockHolder(port: number): Promise<string | undefined>;
  readonly operatorEnv: Readonly<Record<string, string | undefined>> | undefined;
  readonly onStep: (step: ShimStep) => void;
}

export interface BootResult extends Outcome {
  readonly end: RecordedState['end'];
  /** Undefined: it ended by itself, or was asked to. */
  readonly failure: CaissonError | undefined;
}

type EndRunning = (running: RunningEnclave) => Promise<EnclaveEnd>;

// Chosen.
const maxConsoleBytes = 1 << 20;
/** An enclave that the shim gives up has this long to end in order. */
const giveUpGraceMs = 5_000;

export class Boot {
  readonly #tools: BootTools;
  readonly #starting = new AbortController();
  readonly #verdict = Promise.withResolvers<CaissonError>();
  readonly #file: BoundedFile;
  readonly #target: TargetFile;
  #running: RunningEnclave | undefined;
  #line: LineKeeper | undefined;
  #egress: Egress | undefined;
  #console: ConsoleKeeper | undefined;
  #config: Uint8Array | undefined;
  #isAsked = false;
  #endEarly: EndRunning | undefined;
  #startedAtMs: number;
  #readyAtMs: number | undefined;

  constructor(tools: BootTools) {
    this.#tools = tools;
    this.#startedAtMs = tools.clock.now();
    this.#target = new TargetFile(tools);
    const { events, folder } = tools;
    const onTrouble = (error: Error | undefined): void => {
      if (error !== undefined) events.add('warn', 'CONSOLE_UNWRITTEN', `the console is not kept: ${error.message}`);
    };
    this.#file = new BoundedFile({ path: folder.console, maxBytes: maxConsoleBytes, onTrouble });
  }

  /** `adoptFrom`: what the last shim left, where an enclave may still run. Never rejects. */
  async run(adoptFrom: RecordedState | undefined): Promise<BootResult> {
    const { clock, keeper, spec } = this.#tools;
    keeper.enter('starting', {
      ...{ cid: null, vsock: null, pids: [], bootId: null, startedAt: keeper.now(), heartbeatMs: null, readyMs: null },
      ...{ configSha384: null, documents: null, departures: [], failure: null },
    });
    let end: EnclaveEnd | undefined;
    let failure: CaissonError | undefined;
    try {
      this.#config = await readAskedConfig(spec);
      this.#running = await this.#begin(adoptFrom);
      this.#watch(this.#running);
      // Asked for in the moment in which it came up.
      if (this.#endEarly !== undefined) end = await this.#endEarly(this.#running);
      else [end, failure] = await this.#live(this.#running);
    } catch (error) {
      if (!this.#isAsked || isOfLeft(error)) failure = asShimError(error);
      if (error instanceof BootError) {
        const tail = Buffer.from(`${error.consoleTail}\n`);
        this.#file.append(tail);
        this.#tools.logFile?.console(tail);
        end = error.end;
      }
      try {
        end = (await this.#running?.kill()) ?? end;
      } catch (fault) {
        failure = leftRunning(spec.name, failure, fault);
      }
    }
    const readyForMs = this.#readyAtMs === undefined ? 0 : clock.now() - this.#readyAtMs;
    await this.#close();
    const exit = end?.kind === 'exited' ? end.code : (this.#line?.exit ?? null);
    failure ??= this.#isAsked ? undefined : this.#line?.failure;
    return {
      ...{ booted: this.#running !== undefined, failure, readyForMs },
      isClean: failure === undefined && exit === 0,
      isFinal: failure?.code === 'BACKEND_MEASUREMENTS' || failure?.code === 'SHIM_CONFIG',
      end: end === undefined ? null : { at: keeper.now(), exit, byHost: isByHost(end), text: describeEnd(end) },
    };
  }

  /** Rejects with what the backend failed with, and then the enclave still runs. */
  async stop(graceMs?: number): Promise<void> {
    await this.#end((running) => running.stop(graceMs));
  }

  async kill(): Promise<void> {
    await this.#end((running) => running.kill());
  }

  get pids(): readonly number[] {
    return this.#running?.pids ?? [];
  }

  get console(): ConsoleKeeper | undefined {
    return this.#console;
  }

  egressStats(): readonly ShimBridgeStats[] {
    return this.#egress?.stats() ?? [];
  }

  async #end(run: EndRunning): Promise<void> {
    const { gate, keeper, onStep } = this.#tools;
    const { phase } = keeper.current;
    this.#isAsked = true;
    gate.shut();
    keeper.enter('stopping');
    onStep('stop-asked');
    if (this.#running === undefined) {
      this.#endEarly = run;
      return this.#starting.abort(new Error('stopped'));
    }
    try {
      await run(this.#running);
    } catch (error) {
      this.#isAsked = false;
      keeper.enter(phase);
      throw error;
    }
  }

  async #begin(adoptFrom: RecordedState | undefined): Promise<RunningEnclave> {
    const { backend, clock, events, keeper, onStep, spec } = this.#tools;
    const asked: EnclaveSpec = {
      ...{ name: spec.name, image: spec.image, measurements: spec.measurements, memoryMiB: spec.memoryMiB },
      ...{ cpus: spec.cpus, debug: spec.debug, bootMs: spec.readyTimeoutMs, isKept: true },
      ...(spec.cid === undefined ? {} : { cid: spec.cid }),
      signal: this.#starting.signal,
      onPlace: (place) => this.#open(place),
      onBoot: () => {
        this.#startedAtMs = clock.now();
        keeper.enter('booting', { startedAt: keeper.now() });
        onStep('boot-begun');
      },
    };
    onStep('boot-asked');
    if (backend.adopt === undefined) return await backend.start(asked);
    let adopted: RunningEnclave | undefined;
    try {
      adopted = await backend.adopt(asked);
    } catch (error) {
      // It runs and is not what was asked for: the start that follows ends it.
      events.add('warn', 'ENCLAVE_NOT_ADOPTED', (error as Error).message);
    }
    if (adopted === undefined) return await backend.start(asked);
    this.#running = adopted;
    events.add('info', 'ENCLAVE_ADOPTED', `enclave ${spec.name} runs and was taken over`, { cid: adopted.cid });
    keeper.enter('booting', adoptFrom?.cid === adopted.cid ? { startedAt: adoptFrom.startedAt } : {});
    await this.#open(adopted);
    return adopted;
  }

  /** Before it runs, so that nothing it dials is missing. */
  async #open(place: EnclavePlace): Promise<void> {
    const { clock, gate, keeper, onStep, spec } = this.#tools;
    keeper.set({ cid: place.cid, vsock: place.vsock });
    onStep('place-known');
    if (spec.hasReadyLine) {
      this.#line = await LineKeeper.open({
        ...{ ...this.#tools, place, config: this.#config },
        isAsked: () => this.#isAsked,
        onReady: () => {
          this.#readyAtMs ??= clock.now();
          if (keeper.current.readyMs === null) keeper.set({ readyMs: Math.round(clock.now() - this.#startedAtMs) });
          gate.open(place);
          onStep('ready');
        },
        onUnready: () => {
          this.#readyAtMs = undefined;
          gate.shut();
        },
        onFailed: (error) => this.#verdict.resolve(error),
      });
    }
    onStep('line-served');
    this.#egress = await openEgress({ ...this.#tools, place });
    onStep('egress-bound');
  }

  #watch(running: RunningEnclave): void {
    const { clock, events, keeper, onStep } = this.#tools;
    const { pids, documents, departures } = running;
    const heartbeatMs = Math.round(clock.now() - this.#startedAtMs);
    this.#console = new ConsoleKeeper(running.console, this.#file, this.#tools.logFile);
    keeper.set({ pids, documents, departures, heartbeatMs });
    this.#target.keep(keeper.current);
    events.add('info', 'ENCLAVE_HEARTBEAT', `heartbeat of cid ${running.cid}`, { cid: running.cid, heartbeatMs });
    onStep('heartbeat');
  }

  async #live(running: RunningEnclave): Promise<[EnclaveEnd, CaissonError | undefined]> {
    const { clock, keeper, spec } = this.#tools;
    const leftMs = Math.max(1, spec.readyTimeoutMs - (clock.now() - this.#startedAtMs));
    const timer = clock.setTimer(leftMs, () => {
      if (keeper.current.readyMs === null) this.#verdict.resolve(lateInside(spec, keeper.current));
    });
    if (!spec.hasReadyLine) void this.#countAsReady(running, leftMs);
    try {
      const first = await Promise.race([running.ended, this.#verdict.promise]);
      if ('kind' in first) return [first, undefined];
      this.#tools.gate.shut();
      keeper.enter('stopping', { reasons: keeper.current.reasons });
      const end = await running.stop(giveUpGraceMs).catch(() => undefined);
      // Why it is given up is the failure; that it does not end is found out once more.
      if (end === undefined) throw first;
      return [end, first];
    } finally {
      timer.cancel();
    }
  }

  /** An image that says nothing of itself: its heartbeat, and the config that it took, are all that can be known. */
  async #countAsReady(running: RunningEnclave, leftMs: number): Promise<void> {
    const { clock, gate, keeper, onStep } = this.#tools;
    const { departures } = keeper.current;
    keeper.set({ departures: [...departures, 'the image has no ready line: it counts as ready at its heartbeat'] });
    try {
      const { sendAskedConfig } = await import('./send-config.ts');
      if (this.#config !== undefined) keeper.enter('config');
      await sendAskedConfig({
        ...this.#tools,
        place: running,
        config: this.#config,
        timeoutMs: leftMs,
        signal: this.#starting.signal,
      });
    } catch (error) {
      return this.#verdict.resolve(asShimError(error));
    }
    if (this.#isAsked) return;
    this.#readyAtMs = clock.now();
    keeper.enter('ready', { readyMs: Math.round(clock.now() - this.#startedAtMs) });
    gate.open(running);
    onStep('ready');
  }

  async #close(): Promise<void> {
    this.#tools.gate.shut();
    this.#starting.abort(new Error('ended'));
    await this.#line?.close();
    await this.#egress?.close();
    await this.#target.drop();
    this.#console?.close();
    this.#file.close();
  }
}

function isByHost(end: EnclaveEnd): boolean {
  return end.kind === 'died' && end.byHost;
}

// One boot of an enclave, from the look at its image to the moment when nothing of it is left:
//
//   starting ──► (place known: ready line and ways out listen) ──► booting ──► heartbeat ──► config, services ──► ready ◄──► degraded
//       │                                                             │            │                │               │
//       └──────────────────────────────── failed, late, asked to stop, ended by itself ─────────────┴───────────────┘──► ended
//
// What listens for the enclave stands before its first instruction, and goes after its last. Nothing that it says is believed beyond its form.
import type { CaissonError } from '@caisson/core/errors';
import { BootError } from '../backend/boot-error.ts';
import { describeEnd } from '../backend/end.ts';
import type { EnclaveConsole, EnclaveEnd, EnclavePlace, RunningEnclave } from '../backend/index.ts';
import type { RecordedState } from '../record/index.ts';
import { beginBoot } from './begin-boot.ts';
import { readAskedConfig } from './boot-config.ts';
import type { BootResult, BootTools } from './boot-tools.ts';
import { BoundedFile } from './bounded-file.ts';
import type { ShimBridgeStats } from './client-interface.ts';
import { ConsoleKeeper } from './console-keeper.ts';
import { asShimError, isOfLeft, lateInside, leftRunning } from './failure.ts';
import { Readiness } from './readiness.ts';
import { TargetFile } from './target-file.ts';

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
  readonly #readiness: Readiness;
  #running: RunningEnclave | undefined;
  #console: ConsoleKeeper | undefined;
  #config: Uint8Array | undefined;
  #isAsked = false;
  #endEarly: EndRunning | undefined;

  constructor(tools: BootTools) {
    this.#tools = tools;
    const onFailed = (error: CaissonError): void => this.#verdict.resolve(error);
    this.#readiness = new Readiness(tools, { isAsked: () => this.#isAsked, onFailed });
    this.#target = new TargetFile(tools);
    const { events, folder } = tools;
    const onTrouble = (error: Error | undefined): void => {
      if (error !== undefined) events.add('warn', 'CONSOLE_UNWRITTEN', `the console is not kept: ${error.message}`);
    };
    this.#file = new BoundedFile({ path: folder.console, maxBytes: maxConsoleBytes, onTrouble });
  }

  /** `adoptFrom` is the state that a shim which died has left: its enclave may still run. Never rejects. */
  async run(adoptFrom: RecordedState | undefined): Promise<BootResult> {
    const { keeper, spec } = this.#tools;
    keeper.enter('starting', {
      cid: null,
      vsock: null,
      pids: [],
      bootId: null,
      startedAt: keeper.now(),
      heartbeatMs: null,
      readyMs: null,
      configSha384: null,
      documents: null,
      departures: [],
      failure: null,
    });
    let end: EnclaveEnd | undefined;
    let failure: CaissonError | undefined;
    try {
      this.#config = await readAskedConfig(spec);
      this.#running = await this.#begin(adoptFrom);
      this.#watch(this.#running);
      // Somebody asked for its end while it was being started.
      if (this.#endEarly !== undefined) end = await this.#endEarly(this.#running);
      else [end, failure] = await this.#live(this.#running);
    } catch (error) {
      if (!this.#isAsked || isOfLeft(error)) failure = asShimError(error);
      if (error instanceof BootError) end = error.end;
      try {
        end = (await this.#running?.kill()) ?? end;
      } catch (fault) {
        failure = leftRunning(spec.name, failure, fault);
      }
    }
    const { readyForMs } = this.#readiness;
    await this.#close();
    const exit = end?.kind === 'exited' ? end.code : this.#readiness.exit;
    failure ??= this.#isAsked ? undefined : this.#readiness.failure;
    return {
      booted: this.#running !== undefined,
      failure,
      readyForMs,
      isClean: failure === undefined && exit === 0,
      isFinal: failure?.code === 'BACKEND_MEASUREMENTS' || failure?.code === 'SHIM_CONFIG',
      end: end === undefined ? null : { at: keeper.now(), exit, byHost: isByHost(end), text: describeEnd(end) },
    };
  }

  /** Rejects with the backend's error; then the enclave still runs. */
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
    return this.#readiness.egressStats();
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

  #begin(adoptFrom: RecordedState | undefined): Promise<RunningEnclave> {
    const hooks = {
      signal: this.#starting.signal,
      onPlace: (place: EnclavePlace) => this.#readiness.open(place, this.#config),
      onBoot: (console: EnclaveConsole | undefined) => {
        this.#readiness.begin();
        if (console !== undefined) this.#keepConsole(console);
      },
      onAdopted: (running: RunningEnclave) => (this.#running = running),
    };
    return beginBoot(this.#tools, hooks, adoptFrom);
  }

  #watch(running: RunningEnclave): void {
    const { events, keeper, onStep } = this.#tools;
    const { pids, documents, departures } = running;
    const heartbeatMs = Math.round(this.#readiness.runsForMs);
    this.#keepConsole(running.console);
    keeper.set({ pids, documents, departures, heartbeatMs });
    this.#target.keep(keeper.current);
    events.add('info', 'ENCLAVE_HEARTBEAT', `heartbeat of cid ${running.cid}`, { cid: running.cid, heartbeatMs });
    onStep('heartbeat');
  }

  #keepConsole(console: EnclaveConsole): void {
    this.#console ??= new ConsoleKeeper(console, this.#file, this.#tools.logFile);
  }

  async #live(running: RunningEnclave): Promise<[EnclaveEnd, CaissonError | undefined]> {
    const { clock, keeper, spec } = this.#tools;
    const leftMs = Math.max(1, spec.readyTimeoutMs - this.#readiness.runsForMs);
    const timer = clock.setTimer(leftMs, () => {
      if (keeper.current.readyMs === null) this.#verdict.resolve(lateInside(spec, keeper.current));
    });
    const asked = { config: this.#config, timeoutMs: leftMs, signal: this.#starting.signal };
    if (!spec.hasReadyLine) void this.#readiness.count(running, asked);
    try {
      const first = await Promise.race([running.ended, this.#verdict.promise]);
      if ('kind' in first) return [first, undefined];
      this.#tools.gate.shut();
      keeper.enter('stopping', { reasons: keeper.current.reasons });
      const end = await running.stop(giveUpGraceMs).catch(() => undefined);
      // The failure is why it was given up. That it does not end either is found by `kill` in `run`, which reports it.
      if (end === undefined) throw first;
      return [end, first];
    } finally {
      timer.cancel();
    }
  }

  async #close(): Promise<void> {
    this.#tools.gate.shut();
    this.#starting.abort(new Error('ended'));
    await this.#readiness.close();
    await this.#target.drop();
    this.#console?.close();
    this.#file.close();
  }
}

function isByHost(end: EnclaveEnd): boolean {
  return end.kind === 'died' && end.byHost;
}

// Keeps one enclave: boots it again as its restart policy says, until somebody asks for its end or another boot makes no sense.
//
//                 ┌───────────── delay over, or told to restart ─────────────┐
//                 ▼                                                          │
//   (ports bound) boot ──► ended ──► again? ──► waiting ─────────────────────┘
//                                      │
//                                      └──► stopped (asked), exited (by itself), failed
import type { CaissonError } from '@caisson/core/errors';
import type { NativeEngine } from '@caisson/sys';
import type { RecordedState } from '../record/index.ts';
import { Boot } from './boot.ts';
import type { BootResult, BootTools } from './boot-tools.ts';
import type { ShimBridgeStats } from './client-interface.ts';
import { asShimError, failureOf } from './failure.ts';
import { Gate } from './gate.ts';
import { type Ingress, openIngress } from './ingress.ts';
import { Restarts } from './restart.ts';

export type KeepOptions = Omit<BootTools, 'gate' | 'engine'>;

export class Keep {
  readonly #options: KeepOptions;
  readonly #gate: Gate;
  readonly #engine: NativeEngine | undefined;
  readonly #over = Promise.withResolvers<void>();
  #goal: 'run' | 'again' | 'ended' = 'run';
  #boot: Boot | undefined;
  #ingress: Ingress | undefined;
  #wake = Promise.withResolvers<void>();
  #begun = Promise.withResolvers<void>();

  constructor(options: KeepOptions) {
    this.#options = options;
    const { clock, kernel, keeper } = options;
    this.#gate = new Gate(clock, () => `it is ${keeper.current.phase}`);
    this.#engine = kernel.hasAddon ? kernel.createEngine() : undefined;
  }

  /** Resolves when nothing runs and nothing will be started again. `adoptFrom` is the last state that a dead shim wrote. Never rejects. */
  async run(adoptFrom: RecordedState | undefined): Promise<void> {
    const { keeper, onStep, spec } = this.#options;
    try {
      this.#ingress = await openIngress({
        ...this.#options,
        enclave: spec.name,
        rules: spec.ingress,
        gate: this.#gate,
        engine: this.#engine,
      });
      onStep('ingress-bound');
      await this.#bootAgain(adoptFrom);
    } catch (error) {
      this.#fail(asShimError(error));
    }
    if (adoptFrom !== undefined) await this.#endLeft();
    await this.#ingress?.close();
    await this.#engine?.close();
    onStep('ended');
    await keeper.flush();
    onStep('state-ended');
    this.#begun.resolve();
    this.#over.resolve();
  }

  /** Rejects with the backend's error; then the enclave still runs. */
  async stop(graceMs?: number): Promise<RecordedState> {
    return await this.#endBy((boot) => boot.stop(graceMs));
  }

  async kill(): Promise<RecordedState> {
    return await this.#endBy((boot) => boot.kill());
  }

  /** Resolves when the next boot begins, or when the shim ends for another reason. */
  async restart(graceMs?: number): Promise<RecordedState> {
    const begun = this.#begun.promise;
    if (this.#goal === 'run') this.#goal = 'again';
    try {
      await this.#boot?.stop(graceMs);
    } catch (error) {
      this.#goal = 'run';
      throw error;
    }
    this.#wake.resolve();
    await begun;
    return this.#options.keeper.current;
  }

  get boot(): Boot | undefined {
    return this.#boot;
  }

  ingressStats(): readonly ShimBridgeStats[] {
    return this.#ingress?.stats() ?? [];
  }

  async #endBy(end: (boot: Boot) => Promise<void>): Promise<RecordedState> {
    const { keeper } = this.#options;
    const before = this.#goal;
    this.#goal = 'ended';
    try {
      if (this.#boot !== undefined) await end(this.#boot);
    } catch (error) {
      this.#goal = before;
      throw error;
    }
    this.#wake.resolve();
    await this.#over.promise;
    return keeper.current;
  }

  async #bootAgain(adoptFrom: RecordedState | undefined): Promise<void> {
    const { clock, events, keeper, spec } = this.#options;
    const restarts = new Restarts(spec.restart);
    for (let first = adoptFrom; ; first = undefined) {
      // Somebody asked for its end between two boots.
      if (this.#goal === 'ended') return keeper.enter('stopped', { pids: [] });
      this.#goal = 'run';
      this.#wake = Promise.withResolvers();
      this.#boot = new Boot({ ...this.#options, gate: this.#gate, engine: this.#engine });
      this.#begun.resolve();
      this.#begun = Promise.withResolvers();
      const result = await this.#boot.run(first);
      this.#boot = undefined;
      this.#tell(result);
      // The goal may have changed during the boot: a stop or restart that was asked for meanwhile decides.
      const goal = this.#goal as 'run' | 'again' | 'ended';
      if (goal === 'ended') return keeper.enter('stopped', { pids: [] });
      if (goal === 'run') {
        const delayMs = restarts.nextDelayMs(result);
        if (delayMs === undefined) {
          if (result.failure === undefined) keeper.enter('exited', { pids: [] });
          else this.#fail(result.failure);
          return;
        }
        keeper.enter('waiting', { pids: [], reasons: [`starts again in ${delayMs} ms`] });
        const timer = clock.setTimer(delayMs, () => this.#wake.resolve());
        await this.#wake.promise;
        timer.cancel();
      }
      keeper.set({ restarts: keeper.current.restarts + 1 });
      events.add('info', 'ENCLAVE_AGAIN', `enclave ${spec.name} is started again`, {
        restarts: keeper.current.restarts,
      });
    }
  }

  /** An ended phase promises that nothing runs, so whatever could not be taken over is ended first. */
  async #endLeft(): Promise<void> {
    const { backend, events, spec } = this.#options;
    try {
      const count = (await backend.endLeft?.(spec.name)) ?? 0;
      if (count > 0)
        events.add('warn', 'ENCLAVE_LEFT_ENDED', `${count} that a killed shim had left were ended`, { count });
    } catch (error) {
      events.add('error', 'STOP_FAILED', (error as Error).message);
    }
  }

  #tell({ end, failure }: BootResult): void {
    const { events, keeper, spec } = this.#options;
    keeper.set({ ...(end === null ? {} : { end }), pids: [] });
    if (end !== null) {
      const isBad = failure !== undefined || (end.exit !== 0 && !end.byHost);
      const fields = { exit: end.exit, byHost: end.byHost };
      events.add(isBad ? 'warn' : 'info', 'ENCLAVE_ENDED', `enclave ${spec.name} ${end.text}`, fields);
    }
    if (failure !== undefined) this.#tellFailure(failure);
  }

  #fail(failure: CaissonError): void {
    const { keeper } = this.#options;
    if (keeper.current.failure?.message !== failure.message) this.#tellFailure(failure);
    keeper.enter('failed', { pids: [], reasons: keeper.current.reasons });
  }

  #tellFailure(failure: CaissonError): void {
    const { events, keeper } = this.#options;
    const { code, message, hint } = failure;
    keeper.set({ failure: failureOf(failure) });
    events.add('error', 'ENCLAVE_FAILED', message, { reason: code, ...(hint === undefined ? {} : { hint }) });
  }
}

// What the shim learns of one boot: it listens for the ready line and opens the ways out, before the first instruction and until the enclave is
// gone, and knows how long it has run and since when it is ready. Only `ready` opens the gate.
import type { CaissonError } from '@caisson/core/errors';
import type { EnclavePlace, RunningEnclave } from '../backend/index.ts';
import type { BootTools } from './boot-tools.ts';
import type { ShimBridgeStats } from './client-interface.ts';
import { type Egress, openEgress } from './egress.ts';
import { asShimError } from './failure.ts';
import { LineKeeper } from './line-keeper.ts';

export interface ReadinessHooks {
  /** True once somebody asked for its end. */
  readonly isAsked: () => boolean;
  readonly onFailed: (error: CaissonError) => void;
}

export class Readiness {
  readonly #tools: BootTools;
  readonly #hooks: ReadinessHooks;
  #line: LineKeeper | undefined;
  #egress: Egress | undefined;
  #startedAtMs: number;
  #readyAtMs: number | undefined;

  constructor(tools: BootTools, hooks: ReadinessHooks) {
    this.#tools = tools;
    this.#hooks = hooks;
    this.#startedAtMs = tools.clock.now();
  }

  /** Call it when the enclave begins to boot. */
  begin(): void {
    this.#startedAtMs = this.#tools.clock.now();
  }

  get runsForMs(): number {
    return this.#tools.clock.now() - this.#startedAtMs;
  }

  get readyForMs(): number {
    return this.#readyAtMs === undefined ? 0 : this.#tools.clock.now() - this.#readyAtMs;
  }

  /** Exit code in its final line; null where none came. */
  get exit(): number | null {
    return this.#line?.exit ?? null;
  }

  get failure(): CaissonError | undefined {
    return this.#line?.failure;
  }

  egressStats(): readonly ShimBridgeStats[] {
    return this.#egress?.stats() ?? [];
  }

  /** Opens everything that the enclave may dial; call it before the enclave runs. */
  async open(place: EnclavePlace, config: Uint8Array | undefined): Promise<void> {
    const { clock, gate, keeper, onStep, spec } = this.#tools;
    keeper.set({ cid: place.cid, vsock: place.vsock });
    onStep('place-known');
    if (spec.hasReadyLine) {
      this.#line = await LineKeeper.open({
        ...this.#tools,
        ...this.#hooks,
        place,
        config,
        onReady: () => {
          this.#readyAtMs ??= clock.now();
          if (keeper.current.readyMs === null) keeper.set({ readyMs: Math.round(this.runsForMs) });
          gate.open(place);
          onStep('ready');
        },
        onUnready: () => {
          this.#readyAtMs = undefined;
          gate.shut();
        },
      });
    }
    onStep('line-served');
    this.#egress = await openEgress({ ...this.#tools, place });
    onStep('egress-bound');
  }

  /** For an image without a ready line: its heartbeat, and that it took its config, are all that can be known. Never rejects. */
  async count(
    running: RunningEnclave,
    asked: { readonly config: Uint8Array | undefined; readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const { clock, gate, keeper, onStep } = this.#tools;
    const { departures } = keeper.current;
    keeper.set({ departures: [...departures, 'the image has no ready line: it counts as ready at its heartbeat'] });
    try {
      const { sendAskedConfig } = await import('./send-config.ts');
      if (asked.config !== undefined) keeper.enter('config');
      await sendAskedConfig({ ...this.#tools, ...asked, place: running });
    } catch (error) {
      return this.#hooks.onFailed(asShimError(error));
    }
    if (this.#hooks.isAsked()) return;
    this.#readyAtMs = clock.now();
    keeper.enter('ready', { readyMs: Math.round(this.runsForMs) });
    gate.open(running);
    onStep('ready');
  }

  async close(): Promise<void> {
    await this.#line?.close();
    await this.#egress?.close();
  }
}

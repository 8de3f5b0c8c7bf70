// One listener of the engine: its counters, its limits, its end, and the questions that only JavaScript can answer.
import type { BridgeAddon, BridgeHandle, RawListener, RawNote } from './engine-binding.ts';
import { toPeer } from './engine-event.ts';
import { checkLimits, flattenTargets, type Limits } from './engine-plan.ts';
import type { NativeAddress } from './kernel.ts';
import type {
  NativeAsk,
  NativeCounters,
  NativeEvent,
  NativeListener,
  NativeListenOptions,
  NativeTarget,
} from './native-engine.ts';

// Chosen: refusals whose event has not come back yet; an event that was dropped never does.
const maxReasons = 1024;

export class EngineListener implements NativeListener {
  readonly address: NativeAddress;
  readonly #addon: BridgeAddon;
  readonly #bridge: BridgeHandle;
  readonly #number: number;
  readonly #options: NativeListenOptions;
  readonly #counters: BigUint64Array;
  readonly #stopped = Promise.withResolvers<void>();
  readonly #gone = Promise.withResolvers<void>();
  readonly #reasons = new Map<number, string>();
  #limits: Limits;
  #state: 'open' | 'stopping' | 'gone' = 'open';

  constructor(addon: BridgeAddon, bridge: BridgeHandle, options: NativeListenOptions, raw: RawListener) {
    this.#addon = addon;
    this.#bridge = bridge;
    this.#number = raw.number;
    this.#options = options;
    this.#counters = new BigUint64Array(raw.counters);
    this.#limits = checkLimits(options);
    this.address = options.address.kind === 'tcp' ? { ...options.address, port: raw.port } : options.address;
  }

  counters(): NativeCounters {
    // The order is enum counter in bridge.h.
    const read = (index: number): number => Number(Atomics.load(this.#counters, index));
    return {
      accepted: read(0),
      active: read(1),
      refused: read(2),
      failed: read(3),
      forwardBytes: read(4),
      backwardBytes: read(5),
      exhausted: read(6),
      eventsDropped: read(7),
    };
  }

  setLimits(limits: Partial<Limits>): void {
    this.#limits = checkLimits({ ...this.#limits, ...limits });
    if (this.#state === 'gone') return;
    const { maxConnections, idleTimeoutMs, dialTimeoutMs } = this.#limits;
    this.#addon.bridgeLimits(this.#bridge, this.#number, maxConnections, idleTimeoutMs, dialTimeoutMs);
  }

  stop(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'stopping';
      this.#addon.bridgeStop(this.#bridge, this.#number);
    }
    return this.#stopped.promise;
  }

  async drain(graceMs: number): Promise<void> {
    await this.stop();
    const grace = Promise.withResolvers<void>();
    const timer = setTimeout(grace.resolve, graceMs);
    await Promise.race([this.#gone.promise, grace.promise]);
    clearTimeout(timer);
    if (this.#state !== 'gone') this.#addon.bridgeAbort(this.#bridge, this.#number);
    await this.#gone.promise;
  }

  /** The engine says that no accept can happen any more. */
  noteStopped(): void {
    this.#stopped.resolve();
  }

  /** The engine says that no connection is left. */
  noteGone(): void {
    this.#state = 'gone';
    this.#gone.resolve();
  }

  /** Puts a connection's question to the owner. What `onAsk` throws is the owner's fault, but not the connection's fate. */
  noteAsk(note: RawNote): void {
    const id = note.id ?? 0;
    let isAnswered = false;
    const answer = (targets: readonly NativeTarget[] | undefined, reason: string | undefined): void => {
      // The engine may be gone by the time of a late answer, and with it the connection.
      if (isAnswered || this.#state === 'gone') return;
      const raw = targets === undefined ? null : flattenTargets(targets);
      if (raw === null && reason === undefined && this.#options.targets === undefined) {
        throw new TypeError('dial() without targets needs a listener with fixed targets');
      }
      isAnswered = true;
      if (reason !== undefined) this.#remember(id, reason);
      this.#addon.bridgeAnswer(this.#bridge, id, raw, reason !== undefined);
    };
    const ask: NativeAsk = {
      id,
      ...(note.line === undefined ? {} : { line: note.line }),
      peer: toPeer(note.peer),
      dial: (targets) => answer(targets, undefined),
      refuse: (reason) => answer(undefined, reason),
    };
    try {
      this.#options.onAsk?.(ask);
    } catch (error) {
      ask.refuse('onAsk threw');
      throwLater(error);
    }
  }

  /** Hands a batch to the owner, with the words that `refuse` was given. */
  noteEvents(events: readonly NativeEvent[]): void {
    try {
      this.#options.onEvents?.(events.map((event) => this.#explain(event)));
    } catch (error) {
      throwLater(error);
    }
  }

  #explain(event: NativeEvent): NativeEvent {
    const reason = event.type === 'refused' ? this.#reasons.get(event.id) : undefined;
    if (reason === undefined || event.type !== 'refused') return event;
    this.#reasons.delete(event.id);
    return { ...event, reason };
  }

  #remember(id: number, reason: string): void {
    if (this.#options.onEvents === undefined) return;
    const [oldest] = this.#reasons.keys();
    if (this.#reasons.size >= maxReasons && oldest !== undefined) this.#reasons.delete(oldest);
    this.#reasons.set(id, reason);
  }
}

/** Uncaught, as an owner's fault must be, but not in the middle of the engine's other news. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

// The native engine in JavaScript: one thread, its listeners, and the two mailboxes that the thread fills. Nothing here
// touches a byte that is relayed; the engine's own life is open, quitting (everything is being aborted), closed.
import { type BridgeAddon, type BridgeHandle, noteType } from './engine-binding.ts';
import { readRecord, recordBytes } from './engine-event.ts';
import { EngineListener } from './engine-listener.ts';
import { checkEngineOptions, planListen } from './engine-plan.ts';
import { createSystemError } from './errno.ts';
import type {
  NativeEngine,
  NativeEngineOptions,
  NativeEvent,
  NativeListener,
  NativeListenOptions,
} from './native-engine.ts';

// Chosen: records taken by one call into the addon.
const recordsAtOnce = 256;

/** Starts the thread. Throws a Node-style error (`EAGAIN`, `EMFILE`, `ENOMEM`) when it cannot. */
export function createNativeEngine(addon: BridgeAddon, options: NativeEngineOptions = {}): NativeEngine {
  return new Engine(addon, options);
}

class Engine implements NativeEngine {
  readonly #addon: BridgeAddon;
  readonly #bridge: BridgeHandle;
  readonly #listeners = new Map<number, EngineListener>();
  readonly #records = new ArrayBuffer(recordsAtOnce * recordBytes);
  readonly #closed = Promise.withResolvers<void>();
  #isClosing = false;
  #isClosed = false;

  constructor(addon: BridgeAddon, options: NativeEngineOptions) {
    const { vsockWriteBytes, vsockWindowBytes, fairnessBytes, splice } = checkEngineOptions(options);
    this.#addon = addon;
    const opened = addon.bridgeOpen(vsockWriteBytes, vsockWindowBytes, fairnessBytes, splice, () => this.#wake());
    if (typeof opened === 'number') throw createSystemError(opened, 'bridge', 'engine');
    this.#bridge = opened;
  }

  listen(options: NativeListenOptions): NativeListener {
    if (this.#isClosing) throw new TypeError('listen on a closed engine');
    const raw = this.#addon.bridgeListen(this.#bridge, planListen(options));
    if (typeof raw === 'number') throw createSystemError(raw, 'listen', formatPlace(options));
    const listener = new EngineListener(this.#addon, this.#bridge, options, raw);
    this.#listeners.set(raw.number, listener);
    this.#addon.bridgeHold(this.#bridge, true);
    return listener;
  }

  close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#addon.bridgeHold(this.#bridge, true);
      this.#addon.bridgeQuit(this.#bridge);
    }
    return this.#closed.promise;
  }

  #wake(): void {
    // A wake that was already on its way when the thread said its last word.
    if (this.#isClosed) return;
    const notes = this.#addon.bridgeTakeNotes(this.#bridge);
    // Before the notes: a listener that is gone has all its events told first.
    this.#tellEvents();
    for (const note of notes) {
      const listener = this.#listeners.get(note.listener);
      if (note.type === noteType.ask) listener?.noteAsk(note);
      else if (note.type === noteType.stopped) listener?.noteStopped();
      else if (note.type === noteType.gone) this.#forget(note.listener);
      else this.#finish();
    }
  }

  #tellEvents(): void {
    const batches = new Map<number, NativeEvent[]>();
    const view = new DataView(this.#records);
    for (let count = recordsAtOnce; count === recordsAtOnce; ) {
      count = this.#addon.bridgeTakeEvents(this.#bridge, this.#records);
      for (let index = 0; index < count; index++) {
        const { listener, event } = readRecord(view, index);
        const batch = batches.get(listener);
        if (batch === undefined) batches.set(listener, [event]);
        else batch.push(event);
      }
    }
    for (const [number, events] of batches) this.#listeners.get(number)?.noteEvents(events);
  }

  #forget(number: number): void {
    this.#listeners.get(number)?.noteGone();
    this.#listeners.delete(number);
    if (this.#listeners.size === 0 && !this.#isClosing) this.#addon.bridgeHold(this.#bridge, false);
  }

  #finish(): void {
    this.#isClosed = true;
    this.#addon.bridgeClose(this.#bridge);
    this.#closed.resolve();
  }
}

function formatPlace({ address }: NativeListenOptions): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  if (address.kind === 'vsock') return `vsock:${address.cid === 0xffffffff ? 'any' : address.cid}:${address.port}`;
  return `tcp:${address.address.includes(':') ? `[${address.address}]` : address.address}:${address.port}`;
}

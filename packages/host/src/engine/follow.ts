// Waits until an enclave is ready, has ended, or time is up. Events of the shim only wake this side; the state is then asked of the shim, or read
// from the record when the shim is gone.
import { setTimeout as pause } from 'node:timers/promises';
import { ENDED_PHASES, type EnclavePhase, type RecordedState, readState } from '../record/index.ts';
import type { ShimClient, ShimEvent } from '../shim/index.ts';

export interface FollowOptions {
  readonly state: string;
  readonly name: string;
  readonly client: ShimClient;
  /** Counted from the start of the boot. */
  readonly timeoutMs: number;
  /** Events from this moment on are passed on; unix milliseconds. */
  readonly sinceMs: number;
  /** True if the shim starts the enclave again when it ends. */
  readonly startsAgain: boolean;
  readonly onEvent: (event: ShimEvent) => void;
  readonly onState: (state: RecordedState) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface Followed {
  readonly outcome: 'ready' | 'ended' | 'late' | 'gone';
  /** Undefined if the shim was gone before a state was seen. */
  readonly last: RecordedState | undefined;
  /** The last reasons that were given for a phase; an enclave that has ended gives none. */
  readonly reasons: readonly string[];
}

// Chosen. How often the state is read when no event comes.
const lookMs = 500;
// Chosen. The shim ends an enclave that is late and records why, which takes as long as ending it. An enclave that will be tried again has nothing
// more to report.
const shimsGraceMs = 8_000;
// Chosen. Only one enclave boots at a time, and this one may have to wait for slow boots before it.
const longestTurnMs = 600_000;

/** Rejects with the reason of `signal`. */
export async function followToReady(options: FollowOptions): Promise<Followed> {
  const { client, timeoutMs, startsAgain, onState, signal } = options;
  const stop = new AbortController();
  const wake = new Wake();
  const onAbort = (): void => wake.ring();
  signal?.addEventListener('abort', onAbort);
  const events = new Telling(options);
  const hearing = hear(client, wake, stop.signal);
  const beganMs = performance.now();
  let bootedMs: number | undefined;
  let restarts: number | undefined;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const last = await client.status().catch(() => undefined);
      if (last === undefined) return { ...(await lookAtRecord(options)), reasons: events.reasons };
      // Also phases that were over before anybody looked.
      await events.tellNew();
      onState(last);
      if (last.phase === 'ready') return { outcome: 'ready', last, reasons: [] };
      // `failed` is first reported by the enclave itself. If the shim has given it up as well, the shim is gone.
      const mayComeBack = startsAgain && last.phase === 'failed';
      if (ENDED_PHASES.includes(last.phase) && !mayComeBack) return { outcome: 'ended', last, reasons: events.reasons };
      const nowMs = performance.now();
      if (!isInTurn(last.phase)) bootedMs ??= nowMs;
      restarts ??= last.restarts;
      const hasEnded = last.phase === 'waiting' || last.restarts > restarts;
      const graceMs = hasEnded ? 0 : shimsGraceMs;
      const leftMs = bootedMs === undefined ? beganMs + longestTurnMs - nowMs : bootedMs + timeoutMs + graceMs - nowMs;
      if (leftMs <= 0) return { outcome: 'late', last, reasons: last.reasons };
      await wake.within(Math.min(leftMs, lookMs));
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    stop.abort();
    await hearing;
  }
}

/** True while it waits for its turn to boot. */
function isInTurn(phase: EnclavePhase): boolean {
  return phase === 'starting';
}

async function lookAtRecord({ state, name, onState }: FollowOptions): Promise<Omit<Followed, 'reasons'>> {
  const last = await readState(state, name).catch(() => undefined);
  if (last !== undefined) onState(last);
  return { outcome: last !== undefined && ENDED_PHASES.includes(last.phase) ? 'ended' : 'gone', last };
}

async function hear(client: ShimClient, wake: Wake, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of client.events({ follow: true, signal })) wake.ring();
  } catch {
    // The shim is gone, or too old to have events; `status` tells which.
  }
  if (!signal.aborted) wake.ring();
}

/** Passes on each event once, in order. */
class Telling {
  readonly #options: FollowOptions;
  #seq = 0;
  reasons: readonly string[] = [];

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  async tellNew(): Promise<void> {
    const { client, sinceMs, onEvent } = this.#options;
    try {
      for await (const event of client.events({ sinceMs, follow: false })) {
        const seq = Number(event.fields['seq']);
        if (!(seq > this.#seq)) continue;
        this.#seq = seq;
        const given = event.fields['reasons'];
        if (Array.isArray(given) && given.length > 0) this.reasons = given.map(String);
        onEvent(event);
      }
    } catch {
      // Events are for display; the state decides.
    }
  }
}

class Wake {
  #controller = new AbortController();

  ring(): void {
    this.#controller.abort();
  }

  /** Resolves when it rings, at once if it rang before. */
  async within(ms: number): Promise<void> {
    const { signal } = this.#controller;
    if (!signal.aborted) await pause(ms, undefined, { signal }).catch(() => {});
    if (signal.aborted) this.#controller = new AbortController();
  }
}

// Follows an enclave through its shim until it is ready, has ended, or time is up. Events only wake: what is so is asked of the shim each time, and of
// its record where it is gone.
import { setTimeout as pause } from 'node:timers/promises';
import { ENDED_PHASES, type EnclavePhase, type RecordedState, readState } from '../record/index.ts';
import type { ShimClient, ShimEvent } from '../shim/index.ts';

export interface FollowOptions {
  readonly state: string;
  readonly name: string;
  readonly client: ShimClient;
  /** From the moment it boots. */
  readonly timeoutMs: number;
  /** What happened from this moment on is told; unix milliseconds. */
  readonly sinceMs: number;
  /** Its shim starts it again when it ends. */
  readonly startsAgain: boolean;
  readonly onEvent: (event: ShimEvent) => void;
  readonly onState: (state: RecordedState) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface Followed {
  readonly outcome: 'ready' | 'ended' | 'late' | 'gone';
  /** Undefined: gone before its first word. */
  readonly last: RecordedState | undefined;
  /** The newest that were given for a phase: an enclave that has ended gives none any more. */
  readonly reasons: readonly string[];
}

// Chosen. Where no event comes, it is looked at this often.
const lookMs = 500;
// The shim ends one that is late, and says why: that takes as long as the enclave takes to end. Of one that is tried again there is nothing to wait for.
const shimsGraceMs = 8_000;
// One enclave boots at a time: this one may wait for the slowest boots before it.
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
      // What happened until then: a phase can be over before it is looked at.
      await events.tellNew();
      onState(last);
      if (last.phase === 'ready') return { outcome: 'ready', last, reasons: [] };
      // That it failed is its own word first: one whose shim has given it up too has no shim any more.
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

/** Its boot has not begun. */
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
    // The shim is gone, or an older one that has no events: status says which.
  }
  if (!signal.aborted) wake.ring();
}

/** Each event once, in its order. */
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
      // The state says what counts.
    }
  }
}

class Wake {
  #controller = new AbortController();

  ring(): void {
    this.#controller.abort();
  }

  /** Until it rings; a ring before counts. */
  async within(ms: number): Promise<void> {
    const { signal } = this.#controller;
    if (!signal.aborted) await pause(ms, undefined, { signal }).catch(() => {});
    if (signal.aborted) this.#controller = new AbortController();
  }
}

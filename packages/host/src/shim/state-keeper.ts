// `state.json` as it changes: the newest state in memory, written whole after every change, one write at a time, what was overtaken left out. A disk
// that is full or read-only costs the file and never the enclave (R-G6).
import { ENDED_PHASES, type EnclavePhase, type RecordedState, writeState } from '../record/index.ts';
import type { EventLog } from './event-log.ts';

// Chosen: more changes than these are an enclave's flood, and what was told before must not be pushed out of a bounded file by them.
const mostChanges = 60;
const changeMs = 1_000;

export class StateKeeper {
  readonly #state: string;
  readonly #events: EventLog;
  readonly #date: () => number;
  #current: RecordedState;
  #isDirty = false;
  #writing: Promise<void> | undefined;
  #isTroubled = false;
  #hasEntered = false;
  /** Changes of phase that may be told now; one more after each `changeMs`. */
  #allowance = mostChanges;
  #allowedAtMs: number;
  #untold = 0;

  constructor(state: string, first: RecordedState, events: EventLog, date: () => number) {
    this.#state = state;
    this.#current = first;
    this.#events = events;
    this.#date = date;
    this.#allowedAtMs = date();
  }

  get current(): RecordedState {
    return this.#current;
  }

  /** The first write, which decides whether anything is started at all. Throws CaissonError RECORD_STATE. */
  async begin(): Promise<void> {
    await writeState(this.#state, this.#current);
  }

  set(changes: Partial<RecordedState>): void {
    const now = this.#current as unknown as Record<string, unknown>;
    // An enclave says what it is every few seconds: that is no reason to write.
    if (Object.entries(changes).every(([key, value]) => JSON.stringify(now[key]) === JSON.stringify(value))) return;
    this.#current = { ...this.#current, ...changes };
    this.#isDirty = true;
    this.#writing ??= this.#write();
  }

  /** Nothing where it is that phase with those reasons already. */
  enter(phase: EnclavePhase, changes: Partial<RecordedState> = {}): void {
    const { reasons = [] } = changes;
    const now = this.#current;
    const isSame = this.#hasEntered && now.phase === phase && now.reasons.join('\n') === reasons.join('\n');
    this.set({ ...changes, reasons, phase, ...(now.phase === phase ? {} : { since: this.now() }) });
    if (isSame) return;
    this.#hasEntered = true;
    if (!ENDED_PHASES.includes(phase) && !this.#mayTell()) {
      this.#untold += 1;
      return;
    }
    const why = reasons.length === 0 ? '' : `: ${reasons.join(', ')}`;
    const isTrouble = phase === 'failed' || phase === 'degraded';
    const sinceStartMs = now.startedAt === null ? null : this.#date() - Date.parse(now.startedAt);
    const untold = this.#untold === 0 ? {} : { untold: this.#untold };
    this.#untold = 0;
    const fields = { phase, reasons, sinceStartMs, cid: this.#current.cid, ...untold };
    this.#events.add(isTrouble ? 'warn' : 'info', 'ENCLAVE_PHASE', `${phase}${why}`, fields);
  }

  #mayTell(): boolean {
    const nowMs = this.#date();
    const more = Math.floor((nowMs - this.#allowedAtMs) / changeMs);
    // A clock that was set back begins anew.
    if (more !== 0) {
      this.#allowance = Math.min(mostChanges, this.#allowance + Math.max(0, more));
      this.#allowedAtMs = nowMs;
    }
    if (this.#allowance === 0) return false;
    this.#allowance -= 1;
    return true;
  }

  /** RFC 3339. */
  now(): string {
    return new Date(this.#date()).toISOString();
  }

  /** Resolves when the newest state is on the disk, or cannot be. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#isDirty) {
      this.#isDirty = false;
      try {
        await writeState(this.#state, this.#current);
        this.#isTroubled = false;
      } catch (error) {
        if (!this.#isTroubled) {
          this.#events.add('warn', 'STATE_UNWRITTEN', `${(error as Error).message}; the enclave goes on`);
        }
        this.#isTroubled = true;
      }
    }
    this.#writing = undefined;
  }
}

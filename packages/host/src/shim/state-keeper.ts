// Keeps `state.json` up to date: the newest state is in memory and is written whole, one write at a time; states that were overtaken meanwhile are
// skipped. A full or read-only disk costs the file and never the enclave (R-G6).
import { ENDED_PHASES, type EnclavePhase, type RecordedState, writeState } from '../record/index.ts';
import type { EventLog } from './event-log.ts';

// Chosen: an enclave that changes its phase more often than this floods the log, and must not push older events out of a bounded file.
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
  /** How many changes of phase may still be logged now; one more is allowed after each `changeMs`. */
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

  /** The first write. If it fails nothing is started. Throws CaissonError RECORD_STATE. */
  async begin(): Promise<void> {
    await writeState(this.#state, this.#current);
  }

  set(changes: Partial<RecordedState>): void {
    const now = this.#current as unknown as Record<string, unknown>;
    // The enclave repeats its state every few seconds; the same state is not written again.
    if (Object.entries(changes).every(([key, value]) => JSON.stringify(now[key]) === JSON.stringify(value))) return;
    this.#current = { ...this.#current, ...changes };
    this.#isDirty = true;
    this.#writing ??= this.#write();
  }

  /** Does nothing where phase and reasons stay the same. */
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
    const sinceStartMs = now.startedAt === null ? null : Math.max(0, this.#date() - Date.parse(now.startedAt));
    const untold = this.#untold === 0 ? {} : { untold: this.#untold };
    this.#untold = 0;
    const fields = { phase, reasons, sinceStartMs, cid: this.#current.cid, ...untold };
    this.#events.add(isTrouble ? 'warn' : 'info', 'ENCLAVE_PHASE', `${phase}${why}`, fields);
  }

  #mayTell(): boolean {
    const nowMs = this.#date();
    const more = Math.floor((nowMs - this.#allowedAtMs) / changeMs);
    // When the clock was set back, counting begins anew.
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

  /** Resolves when the newest state is on the disk, or when writing it has failed. */
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

// `state.json` as it changes: the newest state in memory, written whole after every change, one write at a time, what was overtaken left out. A disk
// that is full or read-only costs the file and never the enclave (R-G6).
import { type EnclavePhase, type RecordedState, writeState } from '../record/index.ts';
import type { EventLog } from './event-log.ts';

export class StateKeeper {
  readonly #state: string;
  readonly #events: EventLog;
  readonly #date: () => number;
  #current: RecordedState;
  #isDirty = false;
  #writing: Promise<void> | undefined;
  #isTroubled = false;
  #hasEntered = false;

  constructor(state: string, first: RecordedState, events: EventLog, date: () => number) {
    this.#state = state;
    this.#current = first;
    this.#events = events;
    this.#date = date;
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
    const why = reasons.length === 0 ? '' : `: ${reasons.join(', ')}`;
    const isTrouble = phase === 'failed' || phase === 'degraded';
    const sinceStartMs = now.startedAt === null ? null : this.#date() - Date.parse(now.startedAt);
    const fields = { phase, reasons, sinceStartMs, cid: this.#current.cid };
    this.#events.add(isTrouble ? 'warn' : 'info', 'ENCLAVE_PHASE', `${phase}${why}`, fields);
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

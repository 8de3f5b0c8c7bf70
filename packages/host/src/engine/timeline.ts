// The phases of one enclave on its way up, each with the time it took, told as they happen. Reaching a phase ends all earlier ones, because several
// can pass between two looks at the shim.
import { type OnEvent, UP_PHASES, type UpPhase } from './event.ts';
import type { PhaseTime } from './result.ts';

export class Timeline {
  readonly #enclave: string;
  readonly #onEvent: OnEvent;
  readonly #now: () => number;
  readonly #done: PhaseTime[] = [];
  #open: { readonly phase: UpPhase; readonly fromMs: number } | undefined;
  #failedIn: UpPhase | null = null;

  constructor(enclave: string, onEvent: OnEvent, now: () => number = Date.now) {
    this.#enclave = enclave;
    this.#onEvent = onEvent;
    this.#now = now;
  }

  get phases(): readonly PhaseTime[] {
    return this.#done;
  }

  get failedIn(): UpPhase | null {
    return this.#failedIn;
  }

  get open(): UpPhase | undefined {
    return this.#open?.phase;
  }

  /**
   * Begins a phase and ends the open one without a note. Does nothing for a phase that is earlier than the open one. `atMs` is unix time, for a
   * phase that began before it was seen.
   */
  begin(phase: UpPhase, atMs: number = this.#now(), waitMs?: number): void {
    if (this.#open !== undefined) {
      if (UP_PHASES.indexOf(phase) <= UP_PHASES.indexOf(this.#open.phase)) return;
      this.done(null, Math.max(0, atMs - this.#open.fromMs));
    }
    this.#open = { phase, fromMs: atMs };
    this.#onEvent({ kind: 'begin', enclave: this.#enclave, phase, ...(waitMs !== undefined && { waitMs }) });
  }

  /** Ends the open phase. `ms` is its duration where that is known exactly. */
  done(note: string | null = null, ms?: number): void {
    if (this.#open === undefined) return;
    const { phase, fromMs } = this.#open;
    this.#open = undefined;
    // A clock that was set back meanwhile tells nothing.
    const took = { phase, ms: Math.max(0, Math.round(ms ?? this.#now() - fromMs)), note };
    this.#done.push(took);
    this.#onEvent({ kind: 'done', enclave: this.#enclave, ...took });
  }

  /** The enclave was started again, so `boot` begins anew. */
  restart(): void {
    this.#open = { phase: 'boot', fromMs: this.#now() };
    this.#onEvent({ kind: 'begin', enclave: this.#enclave, phase: 'boot' });
  }

  failed(message: string): void {
    // Between two phases the next one is the one that failed.
    const next = UP_PHASES[this.#done.length === 0 ? 0 : UP_PHASES.indexOf(this.#done.at(-1)!.phase) + 1];
    const phase = this.#open?.phase ?? next ?? 'verified';
    this.#open = undefined;
    this.#failedIn = phase;
    this.#onEvent({ kind: 'failed', enclave: this.#enclave, phase, message });
  }

  note(level: 'info' | 'warn', text: string, hint?: string): void {
    this.#onEvent({ kind: 'note', enclave: this.#enclave, level, text, ...(hint !== undefined && { hint }) });
  }
}

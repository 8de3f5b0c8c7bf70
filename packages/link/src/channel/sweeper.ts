// One timer for all deadlines of a connection: a timer a request would cost more than a small message.

export class Sweeper {
  readonly #sweep: () => void;
  #timer: NodeJS.Timeout | undefined;
  #atMs = Number.POSITIVE_INFINITY;
  #nowMs = 0;
  #turn = -1;

  constructor(sweep: () => void) {
    this.#sweep = sweep;
  }

  /** The time, read once a turn of the loop: `turn` changes with it. */
  now(turn: number): number {
    if (turn !== this.#turn) {
      this.#turn = turn;
      this.#nowMs = performance.now();
    }
    return this.#nowMs;
  }

  /** Sweeps at `deadlineAtMs` or earlier. */
  watch(deadlineAtMs: number): void {
    if (deadlineAtMs >= this.#atMs) return;
    clearTimeout(this.#timer);
    this.#atMs = deadlineAtMs;
    const delayMs = Math.max(1, Math.ceil(deadlineAtMs - performance.now()));
    this.#timer = setTimeout(() => {
      this.#atMs = Number.POSITIVE_INFINITY;
      this.#sweep();
    }, delayMs).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#atMs = Number.NEGATIVE_INFINITY;
  }
}

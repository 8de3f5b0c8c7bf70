// Reports something that may happen a thousand times a second only every few seconds, with its count. A crowd at a closed door must not fill the
// disk.

// Chosen.
const everyMs = 5_000;

export class Seldom {
  readonly #tell: (count: number, latest: string) => void;
  #count = 0;
  #latest = '';
  #isPaused = false;

  constructor(tell: (count: number, latest: string) => void) {
    this.#tell = tell;
  }

  /** Reports the first occurrence at once. */
  hear(what: string): void {
    this.#count += 1;
    this.#latest = what;
    if (!this.#isPaused) this.#say();
  }

  #say(): void {
    const count = this.#count;
    this.#count = 0;
    this.#isPaused = true;
    this.#tell(count, this.#latest);
    // The timer must not keep a process alive that has nothing else to do.
    setTimeout(() => {
      this.#isPaused = false;
      if (this.#count > 0) this.#say();
    }, everyMs).unref();
  }
}

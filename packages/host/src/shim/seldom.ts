// Something that may happen a thousand times a second, told once in a while with its count: a crowd at a closed door is one line, not a full disk.

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

  /** The first at once. */
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
    // A process that has nothing else to do does not stay for it.
    setTimeout(() => {
      this.#isPaused = false;
      if (this.#count > 0) this.#say();
    }, everyMs).unref();
  }
}

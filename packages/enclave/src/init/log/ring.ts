// The last lines of a service in memory: they are there when the disk is full, and they are its last words when it fails.
import type { ServiceLogLine } from '@caisson/link/init';

// Chosen: 256 services of them are 16 MiB at the worst.
const maxLines = 1_000;
const maxCharacters = 65_536;

export class LogRing {
  #lines: ServiceLogLine[] = [];
  #first = 0;
  #characters = 0;

  push(line: ServiceLogLine): void {
    this.#lines.push(line);
    this.#characters += line.text.length;
    while (this.size > maxLines || (this.#characters > maxCharacters && this.size > 1)) {
      this.#characters -= this.#lines[this.#first]?.text.length ?? 0;
      this.#first += 1;
    }
    // Moved together now and then, not at each line.
    if (this.#first > maxLines) {
      this.#lines = this.#lines.slice(this.#first);
      this.#first = 0;
    }
  }

  get size(): number {
    return this.#lines.length - this.#first;
  }

  /** Oldest first. */
  last(count: number): readonly ServiceLogLine[] {
    return this.#lines.slice(Math.max(this.#first, this.#lines.length - count));
  }

  clear(): void {
    this.#lines = [];
    this.#first = 0;
    this.#characters = 0;
  }
}

// When processes that are no services end. PID 1's events are hints and may come before the answer to the start has been taken up; its table is
// the truth, and is looked at while anything is waited for (docs/wire/pid1.md).
import type { CommandEnd } from '@caisson/link/pipeline';
import type { ProcessEnd, ProcessEntry, ProcessHost, ProcessIdentity } from '@caisson/sys';

// Chosen.
const lookEveryMs = 10_000;
const maxEarly = 256;

export class EndWatch {
  readonly host: ProcessHost;
  readonly #waiting = new Map<string, (end: CommandEnd) => void>();
  /** Ended, and nobody has asked yet. */
  readonly #early = new Map<string, CommandEnd>();
  readonly #timer: NodeJS.Timeout;

  constructor(host: ProcessHost) {
    this.host = host;
    host.onEvent((event) => {
      if (event.kind === 'ended') this.#take(event.entry);
    });
    this.#timer = setInterval(() => void this.#look(), lookEveryMs).unref();
  }

  /** Resolves when that very process has ended; its entry stays in the table. */
  wait(name: string, identity: ProcessIdentity): Promise<CommandEnd> {
    const key = keyOf(name, identity);
    const early = this.#early.get(key);
    if (early !== undefined) {
      this.#early.delete(key);
      return Promise.resolve(early);
    }
    return new Promise((resolve) => this.#waiting.set(key, resolve));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #take({ name, end, ...identity }: ProcessEntry & { readonly end: ProcessEnd }): void {
    const key = keyOf(name, identity);
    const told = toCommandEnd(end);
    const resolve = this.#waiting.get(key);
    if (resolve !== undefined) {
      this.#waiting.delete(key);
      resolve(told);
      return;
    }
    if (!isOurs(name)) return;
    this.#early.set(key, told);
    const [oldest] = this.#early.keys();
    if (this.#early.size > maxEarly && oldest !== undefined) this.#early.delete(oldest);
  }

  async #look(): Promise<void> {
    if (this.#waiting.size === 0) return;
    try {
      const table = await this.host.table();
      const there = new Set(table.map((entry) => keyOf(entry.name, entry)));
      for (const entry of table) if (entry.end !== undefined) this.#take({ ...entry, end: entry.end });
      // Forgotten by somebody else: how it ended nobody knows.
      for (const [key, resolve] of this.#waiting) {
        if (there.has(key)) continue;
        this.#waiting.delete(key);
        resolve({ kind: 'signal', signal: 9 });
      }
    } catch {
      // PID 1 is asked again.
    }
  }
}

/** Processes of operators, which outlive a supervisor and are no service's. */
export function isOurs(name: string): boolean {
  return name.startsWith('exec-') || name.startsWith('job-');
}

function toCommandEnd(end: ProcessEnd): CommandEnd {
  return end.kind === 'exit' ? { kind: 'exit', code: end.code } : { kind: 'signal', signal: end.signal };
}

function keyOf(name: string, { pid, startTime }: ProcessIdentity): string {
  return `${name} ${pid} ${startTime}`;
}

// What happened around one enclave: a bounded ring for whoever asks, and a file that outlives the shim.
import { type LogLevel, plain } from '@caisson/core/log';
import { BoundedFile } from './bounded-file.ts';
import type { ShimEvent } from './client-interface.ts';

export interface EventLogOptions {
  readonly enclave: string;
  /** `log/events.jsonl`. */
  readonly path: string;
  /** Unix milliseconds. */
  date(): number;
  /** Of each, for whoever keeps it elsewhere too. */
  readonly onEvent?: (event: ShimEvent) => void;
}

// Chosen.
const maxEvents = 1_000;
const maxFileBytes = 1 << 20;

export class EventLog {
  readonly #options: EventLogOptions;
  readonly #file: BoundedFile;
  #events: ShimEvent[] = [];
  #seq = 0;
  #isOver = false;
  #wake = Promise.withResolvers<void>();

  constructor(options: EventLogOptions) {
    this.#options = options;
    // A file that cannot be written is the ring's to say: it is all that is left.
    const onTrouble = (error: Error | undefined): void => {
      if (error !== undefined)
        this.#keep('warn', 'EVENTS_UNWRITTEN', `events are kept in memory only: ${error.message}`, {});
    };
    this.#file = new BoundedFile({ path: options.path, maxBytes: maxFileBytes, onTrouble });
  }

  add(level: LogLevel, code: string, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const event = this.#keep(level, code, message, fields);
    this.#file.append(Buffer.from(`${JSON.stringify(event)}\n`));
    this.#options.onEvent?.(event);
  }

  async *read(options: {
    readonly sinceMs: number;
    readonly follow: boolean;
    readonly signal: AbortSignal;
  }): AsyncGenerator<ShimEvent> {
    const { sinceMs, follow, signal } = options;
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    for (let seq = 0; !signal.aborted; ) {
      const fresh = this.#events.filter((event) => Number(event.fields['seq']) > seq);
      for (const event of fresh) {
        seq = Number(event.fields['seq']);
        if (Date.parse(event.time) >= sinceMs) yield event;
      }
      if (fresh.length > 0) continue;
      if (!follow || this.#isOver) return;
      await Promise.race([this.#wake.promise, aborted]);
    }
  }

  /** Whoever follows is done. */
  end(): void {
    this.#isOver = true;
    this.#wake.resolve();
    this.#file.close();
  }

  #keep(level: LogLevel, code: string, message: string, fields: Readonly<Record<string, unknown>>): ShimEvent {
    this.#seq += 1;
    const event: ShimEvent = {
      time: new Date(this.#options.date()).toISOString(),
      level,
      code,
      // An enclave's own words may be in it.
      message: plain(message),
      enclave: this.#options.enclave,
      fields: { seq: this.#seq, ...fields },
    };
    this.#events.push(event);
    if (this.#events.length > maxEvents) this.#events = this.#events.slice(-maxEvents);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
    return event;
  }
}

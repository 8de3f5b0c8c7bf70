// Events of one enclave: the newest in memory for whoever asks the shim, all of them in a bounded file that outlives it.
import { type LogLevel, plain } from '@caisson/core/log';
import { BoundedFile } from './bounded-file.ts';
import type { ShimEvent } from './client-interface.ts';

export interface EventLogOptions {
  readonly enclave: string;
  /** `log/events.jsonl`. */
  readonly path: string;
  /** Unix milliseconds. */
  date(): number;
  /** Called with every event, for a second place where they are kept. */
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
    // If the file cannot be written, the events in memory are all that is left, so the fault is told there.
    const onTrouble = (error: Error | undefined): void => {
      if (error !== undefined)
        this.#keep('warn', 'EVENTS_UNWRITTEN', `events are kept in memory only: ${error.message}`, {});
    };
    this.#file = new BoundedFile({ path: options.path, maxBytes: maxFileBytes, isOfLines: true, onTrouble });
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

  /** Ends the iteration of everybody who follows. */
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
      // The message may quote the enclave, which must not steer a terminal.
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

// A shim that is only asked: what it says is what the test hands in, every order is written down.
import type { RecordedState } from '@caisson/host/record';
import type { ShimClient, ShimEvent, ShimStats } from '@caisson/host/shim';

export interface FakeShim extends ShimClient {
  /** `stop 5000`, `kill`, `restart`, `close`. */
  readonly asked: string[];
  /** What `status` answers. */
  state: RecordedState;
  figures: ShimStats;
  /** To everybody who follows. */
  say(event: ShimEvent): void;
  print(text: string): void;
  /** As when the shim ends: whoever follows is done. */
  end(): void;
}

export function createFakeShim(state: RecordedState, past: readonly ShimEvent[] = [], printed = ''): FakeShim {
  const asked: string[] = [];
  const events = new Stream<ShimEvent>(past);
  const console = new Stream<Uint8Array>(printed === '' ? [] : [Buffer.from(printed)]);
  const fake: FakeShim = {
    protocol: 1,
    version: '0.1.0',
    asked,
    state,
    figures: {
      uptimeMs: 10_000,
      cpuMs: 1_500,
      residentBytes: 50 << 20,
      shimResidentBytes: 60 << 20,
      ingress: [],
      egress: [],
    },
    status: async () => fake.state,
    stats: async () => fake.figures,
    events: ({ follow, signal, sinceMs = 0 }) => events.read(follow, signal, ({ time }) => Date.parse(time) >= sinceMs),
    console: ({ follow, signal }) => console.read(follow, signal),
    async stop(graceMs) {
      asked.push(`stop ${graceMs ?? ''}`.trimEnd());
      fake.state = { ...fake.state, phase: 'stopped' };
      return fake.state;
    },
    async kill() {
      asked.push('kill');
      fake.state = { ...fake.state, phase: 'stopped' };
      return fake.state;
    },
    async restart(graceMs) {
      asked.push(`restart ${graceMs ?? ''}`.trimEnd());
      return fake.state;
    },
    async close() {
      asked.push('close');
    },
    say: (event) => events.push(event),
    print: (text) => console.push(Buffer.from(text)),
    end() {
      events.end();
      console.end();
    },
  };
  return fake;
}

class Stream<Value> {
  readonly #values: Value[];
  readonly #wakes = new Set<() => void>();
  #isOver = false;

  constructor(values: readonly Value[]) {
    this.#values = [...values];
  }

  push(value: Value): void {
    this.#values.push(value);
    this.#wake();
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  async *read(
    follow: boolean,
    signal?: AbortSignal,
    wants: (value: Value) => boolean = () => true,
  ): AsyncGenerator<Value> {
    signal?.addEventListener('abort', () => this.#wake(), { once: true });
    for (let at = 0; ; at += 1) {
      while (at >= this.#values.length) {
        if (!follow || this.#isOver || signal?.aborted) return;
        await new Promise<void>((resolve) => this.#wakes.add(resolve));
      }
      const value = this.#values[at] as Value;
      if (wants(value)) yield value;
    }
  }

  #wake(): void {
    for (const wake of this.#wakes) wake();
    this.#wakes.clear();
  }
}

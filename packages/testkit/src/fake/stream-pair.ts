// Two ends of one request of a channel, without the channel: chunks of at most 32 KiB, a window of credit each way, and a wire that can be
// cut after any byte.

export interface FakeStream extends AsyncIterable<Uint8Array> {
  write(bytes: Uint8Array): Promise<void>;
  end(bytes?: Uint8Array): Promise<void>;
}

export interface StreamPair {
  readonly near: FakeStream;
  readonly far: FakeStream;
  /** Both ends fail with `error` from now on, as when the connection is lost. */
  cut(error: Error): void;
  /** Bytes that `near` has written and the wire has carried. */
  readonly carriedBytes: number;
}

export interface StreamPairOptions {
  /** Bytes that may wait for their reader. Default 262,144. */
  readonly windowBytes?: number;
  /** Cut by itself once `near` has written so many. */
  readonly cutAfterBytes?: number;
  /** Called with each chunk that `near` writes; what it returns is carried instead. */
  readonly tamper?: (chunk: Uint8Array) => Uint8Array;
}

const chunkBytes = 32_768;

export function createStreamPair(options: StreamPairOptions = {}): StreamPair {
  const { windowBytes = 262_144, cutAfterBytes = Number.POSITIVE_INFINITY, tamper = (chunk) => chunk } = options;
  const up = new Lane(windowBytes);
  const down = new Lane(windowBytes);
  let carried = 0;
  const cut = (error: Error): void => {
    up.fail(error);
    down.fail(error);
  };
  const carry = (chunk: Uint8Array): Uint8Array => {
    const room = cutAfterBytes - carried;
    carried += Math.min(chunk.length, room);
    if (chunk.length < room) return tamper(chunk);
    // What was carried is still read; what comes after is not.
    setImmediate(() => cut(Object.assign(new Error('cut'), { code: 'CHANNEL_LOST' })));
    return tamper(chunk.subarray(0, room));
  };
  return {
    near: endOf(up, down, carry),
    far: endOf(down, up, (chunk) => chunk),
    cut,
    get carriedBytes() {
      return carried;
    },
  };
}

function endOf(out: Lane, back: Lane, carry: (chunk: Uint8Array) => Uint8Array): FakeStream {
  let last: Promise<void> = Promise.resolve();
  const carryAll = async (bytes: Uint8Array): Promise<void> => {
    for (let at = 0; at < bytes.length; at += chunkBytes) await out.put(carry(bytes.subarray(at, at + chunkBytes)));
  };
  // In the order in which they were asked for, whoever waits for which.
  const write = (bytes: Uint8Array): Promise<void> => {
    last = last.catch(() => {}).then(() => carryAll(bytes));
    return last;
  };
  return {
    write,
    async end(bytes = new Uint8Array()) {
      await write(bytes);
      out.end();
    },
    [Symbol.asyncIterator]: () => back,
  };
}

class Lane implements AsyncIterator<Uint8Array, undefined> {
  readonly #windowBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #waitingBytes = 0;
  #isEnded = false;
  #error: Error | undefined;
  readonly #wakers: (() => void)[] = [];

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes;
  }

  async put(chunk: Uint8Array): Promise<void> {
    if (this.#isEnded) throw new TypeError('the stream has ended');
    while (this.#error === undefined && this.#waitingBytes + chunk.length > this.#windowBytes) await this.#changed();
    if (this.#error !== undefined) throw this.#error;
    if (chunk.length === 0) return;
    // Given away: what its writer does to it afterwards must not matter, and here it would be seen.
    this.#chunks.push(Uint8Array.from(chunk));
    this.#waitingBytes += chunk.length;
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  fail(error: Error): void {
    this.#error ??= error;
    this.#wake();
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    // As from a socket: two ends that only answer each other must not keep everything else from its turn.
    await new Promise((resolve) => setImmediate(resolve));
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#waitingBytes -= chunk.length;
        this.#wake();
        return { done: false, value: chunk };
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#isEnded) return { done: true, value: undefined };
      await this.#changed();
    }
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#wakers.splice(0)) wake();
  }
}

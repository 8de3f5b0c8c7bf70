// Time as the supervisor sees it. Everything that waits takes a Clock, so that a test can let ten minutes pass in one line.

export interface Timer {
  /** Idempotent; after it `fire` is not called. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the machine started; never goes back and knows nothing of the date. */
  now(): number;
  /** Unix milliseconds. */
  date(): number;
  setTimer(delayMs: number, fire: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => Number(process.hrtime.bigint() / 1_000_000n),
  date: Date.now,
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

// Time as the shim sees it. Tests bring a clock of their own, and wait an hour of restarts in no time.

export interface ShimClock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Unix milliseconds. */
  date(): number;
  setTimer(delayMs: number, fire: () => void): { cancel(): void };
}

export const systemClock: ShimClock = {
  now: () => performance.now(),
  date: () => Date.now(),
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

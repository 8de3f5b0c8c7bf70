// The time that operator lists and approvals are judged by: the hypervisor's, as documents of the NSM say it, carried on by this process's steady
// clock. The system's own can be set by whoever has the time to reach it, and a list that ends in a clock of the parent's never ends.
export interface TrustedClock {
  /** Unix seconds. */
  now(): number;
  /** From a document just asked: unix milliseconds. Never goes back. */
  take(timestampMs: number): void;
}

export function createTrustedClock(
  timestampMs: number,
  steadyMs: () => number = () => performance.now(),
): TrustedClock {
  let [baseMs, atMs] = [timestampMs, steadyMs()];
  const nowMs = (): number => baseMs + (steadyMs() - atMs);
  return {
    now: () => Math.floor(nowMs() / 1_000),
    take(fresh) {
      if (fresh <= nowMs()) return;
      [baseMs, atMs] = [fresh, steadyMs()];
    },
  };
}

// A clock that stands still until the test moves it (the Clock of @caisson/enclave/init). Between two timers every promise and
// immediate that the first one set going is awaited, so that an hour of a supervisor's life is the same every time.

export interface FakeClock {
  now(): number;
  date(): number;
  setTimer(delayMs: number, fire: () => void): { cancel(): void };
  /** Fires what is due within the next `ms`, in order, and lets everything that follows from it happen. */
  advance(ms: number): Promise<void>;
  /** Lets what is under way happen, at this moment. */
  settle(): Promise<void>;
  /** Timers that wait. */
  readonly pending: number;
}

interface Entry {
  readonly atMs: number;
  readonly fire: () => void;
}

// Chosen: a date, so that a mistake between the two kinds of time shows.
const defaultDate = Date.UTC(2026, 10, 20, 11, 0, 0);

export function createFakeClock(startMs = 1_000): FakeClock {
  let nowMs = startMs;
  const entries = new Set<Entry>();

  const nextWithin = (endMs: number): Entry | undefined => {
    let first: Entry | undefined;
    for (const entry of entries)
      if (entry.atMs <= endMs && (first === undefined || entry.atMs < first.atMs)) first = entry;
    return first;
  };
  // One answer may set another call going: a few turns of the loop, whatever the depth of a test's chain.
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 4; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  };

  return {
    now: () => nowMs,
    date: () => defaultDate + nowMs,
    setTimer(delayMs, fire) {
      const entry = { atMs: nowMs + Math.max(0, delayMs), fire };
      entries.add(entry);
      return { cancel: () => void entries.delete(entry) };
    },
    async advance(ms) {
      const endMs = nowMs + ms;
      await settle();
      for (let entry = nextWithin(endMs); entry !== undefined; entry = nextWithin(endMs)) {
        entries.delete(entry);
        nowMs = Math.max(nowMs, entry.atMs);
        entry.fire();
        await settle();
      }
      nowMs = endMs;
    },
    settle,
    get pending() {
      return entries.size;
    },
  };
}

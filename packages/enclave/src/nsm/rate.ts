// 20 requests a second and 40 at once for each user id (docs/wire/nsm.md). A caller over it waits for his answer; nobody is refused, because an
// answer that means "later" is none that the AWS library knows. One request of a connection is under way at a time, and connections
// are counted, so what can wait is bounded.

export interface NsmRate {
  /** Resolves when `uid` may ask once more; in the order of the calls. */
  admit(uid: number): Promise<void>;
}

export interface NsmRateOptions {
  /** Default 20. */
  readonly perSecond?: number;
  /** Default 40. */
  readonly burst?: number;
  /** Milliseconds on any clock that never goes back; default performance.now. */
  readonly now?: () => number;
  /** Default setTimeout. */
  readonly pause?: (ms: number) => Promise<void>;
}

// Given: docs/wire/nsm.md.
const defaultPerSecond = 20;
const defaultBurst = 40;
// Chosen: user ids that have been quiet long enough to have their whole burst again are forgotten when so many are known.
const maxKnown = 256;

export function createNsmRate(options: NsmRateOptions = {}): NsmRate {
  const { perSecond = defaultPerSecond, burst = defaultBurst, now = () => performance.now() } = options;
  const pause = options.pause ?? ((ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)));
  const intervalMs = 1_000 / perSecond;
  const toleranceMs = (burst - 1) * intervalMs;
  // Generic cell rate: the moment at which the next request of a user would come if he kept to the rate exactly.
  const due = new Map<number, number>();

  return {
    async admit(uid) {
      const at = now();
      const next = Math.max(due.get(uid) ?? at, at);
      due.set(uid, next + intervalMs);
      if (due.size > maxKnown) for (const [known, time] of due) if (time <= at) due.delete(known);
      const waitMs = next - toleranceMs - at;
      if (waitMs > 0) await pause(waitMs);
    },
  };
}

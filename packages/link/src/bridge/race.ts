// Happy eyeballs (RFC 8305 section 5): candidates in order, the next one after a short delay or at once when one fails;
// the first success wins and every other attempt is called off.

export interface RaceOptions<Candidate, Won> {
  readonly candidates: readonly Candidate[];
  /** Must give up, and free what it made, when `signal` aborts. */
  readonly attempt: (candidate: Candidate, signal: AbortSignal) => Promise<Won>;
  /** Frees a success that came too late to win. */
  readonly discard: (late: Won) => void;
  /** Ends the whole race with its reason. */
  readonly signal: AbortSignal;
  readonly staggerMs?: number;
}

// Given: RFC 8305 section 5, recommended Connection Attempt Delay.
const defaultStaggerMs = 250;

/** Rejects with the error of the first candidate when all fail, or with the reason of `signal`. */
export function raceAttempts<Candidate, Won>(options: RaceOptions<Candidate, Won>): Promise<Won> {
  const { candidates, attempt, discard, signal, staggerMs = defaultStaggerMs } = options;
  if (candidates.length === 0) throw new TypeError('a race needs at least one candidate, got 0');
  return new Promise((settle, fail) => {
    const running = new Set<AbortController>();
    const errors: unknown[] = [];
    let started = 0;
    let failed = 0;
    let timer: NodeJS.Timeout | undefined;
    let over = false;

    function finish(): boolean {
      if (over) return false;
      over = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      for (const controller of running) controller.abort(new Error('another attempt won'));
      return true;
    }
    function abort(): void {
      if (finish()) fail(signal.reason);
    }
    function startNext(): void {
      clearTimeout(timer);
      const index = started;
      const candidate = candidates[index];
      if (over || candidate === undefined) return;
      started += 1;
      const controller = new AbortController();
      running.add(controller);
      attempt(candidate, controller.signal).then(
        (won) => {
          // What won belongs to the caller now; its own signal must not reach it any more.
          running.delete(controller);
          if (finish()) settle(won);
          else discard(won);
        },
        (error: unknown) => {
          running.delete(controller);
          errors[index] = error;
          failed += 1;
          if (failed < candidates.length) startNext();
          else if (finish()) fail(errors[0]);
        },
      );
      if (started < candidates.length) timer = setTimeout(startNext, staggerMs);
    }

    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    startNext();
  });
}

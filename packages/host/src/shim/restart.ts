// Whether an enclave that ended is started again, and when. As in other engines the policy counts from the first boot that came up: what cannot be
// started at all is told to whoever asked and not tried for ever.
import type { RestartPolicy } from '../record/index.ts';

export interface Outcome {
  /** It came as far as its heartbeat. */
  readonly booted: boolean;
  /** Nothing went wrong: it ended by itself with 0. */
  readonly isClean: boolean;
  /** Trying again cannot help: the image or the config is another one than was asked for. */
  readonly isFinal: boolean;
  /** How long it was ready, at a stretch and at the end. */
  readonly readyForMs: number;
}

// Chosen.
const firstDelayMs = 1_000;
const longestDelayMs = 60_000;
/** Ready for so long, it has shown that it can: the next delay is the first again. */
const provenMs = 600_000;

export class Restarts {
  readonly #policy: RestartPolicy;
  #delayMs = firstDelayMs;
  #hasBooted = false;

  constructor(policy: RestartPolicy) {
    this.#policy = policy;
  }

  /** Undefined: it stays ended. */
  nextDelayMs({ booted, isClean, isFinal, readyForMs }: Outcome): number | undefined {
    this.#hasBooted ||= booted;
    if (this.#policy === 'no' || isFinal || !this.#hasBooted) return undefined;
    if (this.#policy === 'on-failure' && isClean) return undefined;
    if (readyForMs >= provenMs) this.#delayMs = firstDelayMs;
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(delayMs * 2, longestDelayMs);
    return delayMs;
  }
}

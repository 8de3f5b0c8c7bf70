// Whether an enclave that ended is started again, and when. As in container engines the policy applies once a first boot came up; what cannot be
// started at all is reported and not tried for ever.
import type { RestartPolicy } from '../record/index.ts';

export interface Outcome {
  /** The boot came as far as its heartbeat. */
  readonly booted: boolean;
  /** It ended by itself, with exit code 0 and no failure. */
  readonly isClean: boolean;
  /** Another try cannot help: the image or the config is not the one that was asked for. */
  readonly isFinal: boolean;
  /** For how long it was ready without a break when it ended. */
  readonly readyForMs: number;
}

// Chosen.
const firstDelayMs = 1_000;
const longestDelayMs = 60_000;
/** After being ready for this long, the back-off begins anew. */
const provenMs = 600_000;

export class Restarts {
  readonly #policy: RestartPolicy;
  #delayMs = firstDelayMs;
  #hasBooted = false;

  constructor(policy: RestartPolicy) {
    this.#policy = policy;
  }

  /** Undefined where it is not started again. */
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

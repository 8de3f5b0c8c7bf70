// Who may come in, and when: connections are let through while the enclave is ready. Before and after they are refused, or wait as long as their rule
// says. `degraded` is not ready: the service that failed may be the one that is asked.
import type { Cid, VsockPort } from '@caisson/core/address';
import { PolicyError } from '@caisson/core/errors';
import type { BridgeRoute } from '@caisson/link/bridge';
import type { Transport } from '@caisson/link/transport';
import type { ShimClock } from './clock.ts';
import type { ShimErrorCode } from './error-code.ts';

export interface OpenPlace {
  readonly cid: Cid;
  readonly transport: Transport;
}

export class Gate {
  readonly #clock: ShimClock;
  readonly #whyNot: () => string;
  readonly #waiting = new Set<(place: OpenPlace) => void>();
  #place: OpenPlace | undefined;

  /** `whyNot`: one clause about what the enclave is instead of ready. */
  constructor(clock: ShimClock, whyNot: () => string) {
    this.#clock = clock;
    this.#whyNot = whyNot;
  }

  open(place: OpenPlace): void {
    this.#place = place;
    for (const enter of this.#waiting) enter(place);
    this.#waiting.clear();
  }

  /** Who is through stays through: ending what was begun is the enclave's own business. */
  shut(): void {
    this.#place = undefined;
  }

  /** Throws PolicyError SHIM_NOT_READY. */
  async admit(port: VsockPort, holdMs: number, gone: AbortSignal): Promise<BridgeRoute> {
    const place = this.#place ?? (holdMs > 0 ? await this.#wait(holdMs, gone) : undefined);
    if (place !== undefined) return { ...place, port };
    const held = holdMs > 0 ? ` within ${holdMs} ms` : '';
    throw new PolicyError<ShimErrorCode>('SHIM_NOT_READY', `enclave must be ready${held}, ${this.#whyNot()}`);
  }

  #wait(holdMs: number, gone: AbortSignal): Promise<OpenPlace | undefined> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        timer.cancel();
        this.#waiting.delete(enter);
        gone.removeEventListener('abort', giveUp);
      };
      const enter = (place: OpenPlace): void => {
        leave();
        resolve(place);
      };
      const giveUp = (): void => {
        leave();
        reject(gone.reason);
      };
      const timer = this.#clock.setTimer(holdMs, () => {
        leave();
        resolve(undefined);
      });
      this.#waiting.add(enter);
      gone.addEventListener('abort', giveUp, { once: true });
    });
  }
}

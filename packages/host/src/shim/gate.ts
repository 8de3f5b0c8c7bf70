// Lets connections in while the enclave is ready. At other times they are refused at once, or wait for as long as their rule allows. `degraded`
// does not count as ready: the service that failed may be the one that is wanted.
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

  /** `whyNot` says in one clause what the enclave is instead of ready. */
  constructor(clock: ShimClock, whyNot: () => string) {
    this.#clock = clock;
    this.#whyNot = whyNot;
  }

  open(place: OpenPlace): void {
    this.#place = place;
    for (const enter of this.#waiting) enter(place);
    this.#waiting.clear();
  }

  /** Connections that were let in stay: to end them is the enclave's own business. */
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

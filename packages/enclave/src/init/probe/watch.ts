// Looks for a service's readiness until it is there or nobody wants to know any more. Often at first, since most services need
// milliseconds, then four times a second: a look costs the service a connection.
import type { Readiness } from '@caisson/core/measured';
import type { Transport } from '@caisson/link/transport';
import type { Clock, Timer } from '../clock.ts';
import { isReadyNow, type Looked } from './attempt.ts';

export interface WatchOptions {
  readonly ready: Readiness;
  readonly clock: Clock;
  readonly transport: Transport;
  /** Once. */
  readonly onReady: () => void;
}

// Chosen.
const firstDelayMs = 10;
const maxDelayMs = 250;
const growth = 1.5;

/** For `fork` and `notify` there is nothing to look at. */
export function watchReadiness({ ready, clock, transport, onReady }: WatchOptions): { stop(): void } {
  const stop = new AbortController();
  let timer: Timer | undefined;
  const look = async (looked: Looked, delayMs: number): Promise<void> => {
    const isReady = await isReadyNow(looked, transport, stop.signal);
    if (stop.signal.aborted) return;
    if (isReady) {
      stop.abort();
      onReady();
      return;
    }
    timer = clock.setTimer(delayMs, () => void look(looked, Math.min(delayMs * growth, maxDelayMs)));
  };
  if (ready.kind !== 'fork' && ready.kind !== 'notify') {
    timer = clock.setTimer(0, () => void look(ready, firstDelayMs));
  }
  return {
    stop() {
      stop.abort();
      timer?.cancel();
    },
  };
}

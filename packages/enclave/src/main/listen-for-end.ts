// Who tells the enclave to end: SIGTERM to PID 1, a signal to this process, or a word from control. The first counts.
import type { Outcome } from '../init/index.ts';
import type { SuperviseWorld } from './boot-world.ts';

export const stopped: Outcome = { exit: 0, code: 'stopped' };

export interface ToldEnd {
  readonly ended: Promise<Outcome>;
  /** Aborted by the end. */
  readonly signal: AbortSignal;
  end(outcome: Outcome): void;
}

export function listenForEnd({ host, stop }: Pick<SuperviseWorld, 'host' | 'stop'>): ToldEnd {
  const { promise: ended, resolve } = Promise.withResolvers<Outcome>();
  const abort = new AbortController();
  const end = (outcome: Outcome): void => {
    resolve(outcome);
    abort.abort();
  };
  host.onEvent(({ kind }) => {
    if (kind === 'terminate') end(stopped);
  });
  stop.addEventListener('abort', () => end(stopped), { once: true });
  return { ended, end, signal: abort.signal };
}

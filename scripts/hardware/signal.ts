// INT, TERM and HUP as one `stop`: the first asks for an end with everything cleaned up, further ones are only answered, because whoever presses Ctrl-C
// again wants to be sure that something happens and not that something stays.
import { constants } from 'node:os';

export interface Signals {
  readonly stop: AbortSignal;
  /** 128 plus the number of the first signal. */
  exitCodeOf(): number;
}

export function signalsOf(say: (line: string) => void): Signals {
  const controller = new AbortController();
  let first: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      say(first === undefined ? `interrupted (${signal})` : 'still cleaning up; kill -9 would leave things behind');
      first ??= signal;
      controller.abort();
    });
  }
  return { stop: controller.signal, exitCodeOf: () => 128 + (first === undefined ? 0 : constants.signals[first]) };
}

// What the supervisor reports, heard by the control channel too: verbs that carry data wait for `ready`.
import type { Readiness } from '@caisson/link/control';
import type { Phase, ReadyReporter } from '@caisson/link/ready';

export interface WatchedReporter {
  readonly reporter: ReadyReporter;
  readonly readiness: Readiness;
}

export function watchPhase(inner: ReadyReporter): WatchedReporter {
  const listeners = new Set<() => void>();
  let phase: Phase = 'booting';
  return {
    reporter: {
      report(next, reasons) {
        phase = next;
        inner.report(next, reasons);
        for (const listener of [...listeners]) listener();
      },
      configTaken: (sha384) => inner.configTaken(sha384),
      lastWords: (service, lines) => inner.lastWords(service, lines),
      finish: (exit, code) => inner.finish(exit, code),
    },
    readiness: {
      phase: () => phase,
      watch(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
  };
}

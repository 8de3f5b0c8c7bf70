// Bringing up, whatever the command: phases while it happens, the outcome at the end, and what a signal leaves.
import type { EngineEvent, UpOutcome } from '@caisson/host/engine';
import { endedCode } from './ended-by.ts';
import { exitOfOutcomes } from './engine-session.ts';
import { jsonText } from './json-text.ts';
import { createPhaseView } from './phase-view.ts';
import type { Surroundings } from './surroundings.ts';
import { failureLines, outcomeFacts, readyLines } from './up-report.ts';

export interface Shown {
  readonly code: number;
  /** Undefined where a signal came before the outcome. */
  readonly outcomes: readonly UpOutcome[] | undefined;
}

const goesOn =
  'stopped waiting: what was started goes on. The same command again waits for it, caisson ps shows it, caisson down ends it\n';

/** `stopped` is printed when a signal came first. Rejects as `work` does, except with the reason of a signal. */
export async function showUp(
  { stdout, stderr, stop, env }: Pick<Surroundings, 'stdout' | 'stderr' | 'stop' | 'env'>,
  json: boolean,
  work: (onEvent: (event: EngineEvent) => void) => Promise<readonly UpOutcome[]>,
  stopped = goesOn,
): Promise<Shown> {
  const view = createPhaseView(stderr, { quiet: json, terminal: env['TERM'] });
  let isBegun = false;
  try {
    const outcomes = await work((event) => {
      isBegun ||= event.kind === 'begin' && event.phase === 'boot';
      view.onEvent(event);
    });
    view.close();
    if (json) stdout.write(`${jsonText(outcomeFacts(outcomes))}\n`);
    else {
      stdout.write(
        outcomes
          .flatMap(readyLines)
          .map((line) => `${line}\n`)
          .join(''),
      );
      stderr.write(
        outcomes
          .flatMap(failureLines)
          .map((line) => `${line}\n`)
          .join(''),
      );
    }
    return { code: exitOfOutcomes(outcomes), outcomes };
  } catch (error) {
    view.close();
    if (!stop.aborted) throw error;
    stderr.write(isBegun ? stopped : 'stopped before anything was started\n');
    return { code: endedCode(stop), outcomes: undefined };
  }
}

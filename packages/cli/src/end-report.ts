// What became of enclaves that were to end, for people and as JSON.
import { plain } from '@caisson/core/log';
import type { EndResult } from '@caisson/host/engine';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';
import { jsonText } from './json-text.ts';
import type { Surroundings } from './surroundings.ts';

/** The exit code. */
export function showEnd(
  { enclaves }: EndResult,
  json: boolean,
  { stdout, stderr }: Pick<Surroundings, 'stdout' | 'stderr'>,
): number {
  if (json) stdout.write(`${jsonText({ v: 1, enclaves })}\n`);
  else {
    for (const { name, wasRunning, end, removed, failure } of enclaves) {
      if (failure === null) {
        const what = wasRunning ? `STOPPED  ${plain(end ?? '')}` : 'did not run';
        stdout.write(`${name}  ${what.trimEnd()}${removed ? ', removed' : ''}\n`);
      } else {
        stderr.write(`${name}  FAILED  ${plain(failure.message)}\n`);
        if (failure.hint !== null) stderr.write(`  hint: ${plain(failure.hint)}\n`);
      }
    }
    if (enclaves.length === 0) stderr.write('nothing to end\n');
  }
  return enclaves.some(({ failure }) => failure !== null) ? EXIT_FAILED : EXIT_OK;
}

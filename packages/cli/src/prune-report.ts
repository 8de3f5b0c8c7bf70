// What was removed, or would be, for people and as JSON.
import { plain } from '@caisson/core/log';
import type { Pruned, PrunedKind, PruneResult } from '@caisson/host/engine';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';
import { shortId } from './image-store.ts';
import { jsonText } from './json-text.ts';
import { sizeText } from './size-text.ts';
import type { Surroundings } from './surroundings.ts';
import { textTable } from './text-table.ts';

/** The exit code: 1 when something could not be removed. */
export function showPrune(
  { dryRun, removed, bytes, failures }: PruneResult,
  json: boolean,
  { stdout, stderr }: Pick<Surroundings, 'stdout' | 'stderr'>,
): number {
  if (json) stdout.write(`${jsonText({ v: 1, dryRun, bytes, removed, failures })}\n`);
  else {
    const rows = removed.map((one) => [sizeText(one.bytes).padStart(9), describe(one), plain(one.path)]);
    stdout.write(textTable(rows));
    const what = dryRun ? 'would be freed' : 'freed';
    stdout.write(removed.length === 0 ? 'nothing to remove\n' : `${sizeText(bytes)} ${what}\n`);
    for (const { path, message, hint } of failures) {
      stderr.write(`left as it is: ${plain(path)}: ${plain(message)}\n`);
      if (hint !== null) stderr.write(`  hint: ${plain(hint)}\n`);
    }
  }
  return failures.length > 0 ? EXIT_FAILED : EXIT_OK;
}

const words: Readonly<Record<PrunedKind, (what: string) => string>> = {
  built: (name) => `image built for ${name}`,
  image: (id) => `image ${shortId(id)} without a name`,
  record: (name) => `record of ${name}`,
  temporary: () => 'unfinished file',
  remains: (what) => `left of ${what}`,
};

function describe({ kind, what }: Pruned): string {
  return plain(words[kind](what));
}

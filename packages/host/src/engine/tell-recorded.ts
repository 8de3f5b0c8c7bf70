// Warnings about an enclave before it is started, by whichever command: what its boot config opens, and what it cannot prove.
import type { RecordedSpec } from '../record/index.ts';
import { endpointsText } from './config-way.ts';
import type { Timeline } from './timeline.ts';

export function tellRecorded(spec: RecordedSpec, warnings: readonly string[], timeline: Timeline): void {
  for (const one of warnings) timeline.note('warn', `its boot config: ${one}`);
  const ways = endpointsText(spec.endpoints);
  if (ways !== undefined) timeline.note('info', `its boot config leads out to ${ways}`);
  if (spec.debug)
    timeline.note('warn', 'DEBUG: its registers PCR0 to PCR2 are zeros and its console is open: it proves nothing');
}

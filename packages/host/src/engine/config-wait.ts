// An image that takes a boot config and does not need one waits its whole measured time where it is given none: what a sender can say is a config or
// nothing (docs/boot-config.md), so that it cannot be told that none will come. `up` knows it, and says how long that takes and what ends it.
import { formatDuration } from '@caisson/core/config';
import type { PreparedConfig } from './boot-config.ts';
import type { ImageFacts } from './image-facts.ts';
import type { Timeline } from './timeline.ts';

/** Undefined: it waits for nothing, or for what it is given. */
export function vainWaitMs(
  { terms }: Pick<ImageFacts, 'terms'>,
  config: PreparedConfig | undefined,
): number | undefined {
  return terms?.config === 'optional' && config === undefined ? terms.configTimeoutMs : undefined;
}

export function tellVainWait(waitMs: number, timeline: Timeline): void {
  timeline.note(
    'info',
    `its image waits ${formatDuration(waitMs)} for a boot config (policy.config.expect: optional), and it is given none`,
    'config gives it one; policy.config.timeout shortens the wait, and policy.config.expect: none is for an image that needs none',
  );
}

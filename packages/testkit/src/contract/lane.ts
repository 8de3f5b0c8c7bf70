// How much of each row of the test plan is run: test/lanes.json has one figure for the fast lane, one for the deep one and
// one for a release. CAISSON_LANE chooses; a name that is in no lane is refused.
import { readFileSync } from 'node:fs';

const lanes = ['fast', 'deep', 'release'] as const;
export type Lane = (typeof lanes)[number];

type Row = { readonly what: string } & Readonly<Record<Lane, number>>;

/** The lane that runs; fast unless CAISSON_LANE says otherwise. */
export function currentLane(): Lane {
  return lanes.find((lane) => lane === process.env['CAISSON_LANE']) ?? 'fast';
}

/** The figure of a row such as `R-B1` in the lane that runs. Throws TypeError for a row that is not listed. */
export function laneFigure(row: string): number {
  const figure = rows()[row]?.[currentLane()];
  if (figure === undefined) throw new TypeError(`test/lanes.json has no figure for ${row} in lane ${currentLane()}`);
  return figure;
}

/**
 * The longest that something may take, as the lane that runs holds it. The fast lane runs four files on two processors that others use too: there it is
 * eight times `ms`, which still finds a wait for the wrong deadline, and what has lost its speed is found by the deep lane and by the benches.
 */
export function laneBoundMs(ms: number): number {
  return currentLane() === 'fast' ? ms * 8 : ms;
}

let read: Readonly<Record<string, Row>> | undefined;

function rows(): Readonly<Record<string, Row>> {
  read ??= JSON.parse(readFileSync(new URL('../../../../test/lanes.json', import.meta.url), 'utf8')) as typeof read;
  return read as Readonly<Record<string, Row>>;
}

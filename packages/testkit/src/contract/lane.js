// How much of each row of the test plan is run: test/lanes.json has one figure for the fast lane, one for the deep one and
// one for a release. CAISSON_LANE chooses; a name that is in no lane is refused.
import { readFileSync } from 'node:fs';

const lanes = ['fast', 'deep', 'release'];
/** The lane that runs; fast unless CAISSON_LANE says otherwise. */
export function currentLane() {
  return lanes.find((lane) => lane === process.env['CAISSON_LANE']) ?? 'fast';
}
/** The figure of a row such as `R-B1` in the lane that runs. Throws TypeError for a row that is not listed. */
export function laneFigure(row) {
  const figure = rows()[row]?.[currentLane()];
  if (figure === undefined) throw new TypeError(`test/lanes.json has no figure for ${row} in lane ${currentLane()}`);
  return figure;
}
let read;
function rows() {
  read ??= JSON.parse(readFileSync(new URL('../../../../test/lanes.json', import.meta.url), 'utf8'));
  return read;
}

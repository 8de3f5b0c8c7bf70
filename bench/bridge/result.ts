// What a run found, and the ratios that its claims rest on: ours against one peer, taken within a round so that the machine's
// moods cancel, then the median over the rounds.

import type { Overload } from './overload.ts';
import { bootstrap, geometricMean, type Interval, median } from './statistic.ts';
import type { CallCount } from './syscall.ts';
import type { Group, Sample, Timing, Workload } from './workload.ts';

export interface Cell {
  readonly round: number;
  readonly peer: string;
  readonly workload: Workload;
  readonly sample: Sample;
  readonly cpuNs: number;
}

export interface Result {
  readonly cells: readonly Cell[];
  readonly peers: readonly string[];
  readonly absent: readonly string[];
  readonly rounds: number;
  readonly timing: Timing;
  /** Windows in which nothing happened, measured again. */
  readonly repeated?: readonly string[];
  readonly idleBytes?: ReadonlyMap<string, number>;
  readonly overload?: Overload;
  /** By workload, then by peer. */
  readonly calls?: ReadonlyMap<string, ReadonlyMap<string, CallCount>>;
}

export type Measure = (cell: Cell) => number;

export const ours = 'caisson';
export const rate: Measure = ({ sample }) => sample.rate;
export const cpuPerUnit: Measure = ({ cpuNs, sample }) => cpuNs / sample.total;
export const p99: Measure = ({ sample }) => sample.p99us;

export function othersOf({ peers }: Result): string[] {
  return peers.filter((name) => name !== ours);
}

export function groupsOf({ cells }: Result): Group[] {
  return [...new Set(cells.map(({ workload }) => workload.group))];
}

export function namesOf({ cells }: Result): string[] {
  return [...new Set(cells.map(({ workload }) => workload.name))];
}

/** Workloads whose round trips were timed. */
export function timedOf(result: Result): string[] {
  return namesOf(result).filter((name) =>
    result.cells.some(({ workload, sample }) => workload.name === name && sample.p99us > 0),
  );
}

export function medianOf({ cells }: Result, name: string, peer: string, measure: Measure): number {
  return median(cells.filter((cell) => cell.workload.name === name && cell.peer === peer).map(measure));
}

/** Over the workloads of a group: one geometric mean a round. */
export function groupRatio(result: Result, group: Group, peer: string, measure: Measure): Interval {
  return ratio(result, (workload) => workload.group === group, peer, measure);
}

/** The peer whose median p99 is the least, and ours against it. */
export function bestP99(result: Result, name: string): { peer: string; ratio: Interval } | undefined {
  const of = (peer: string): number => medianOf(result, name, peer, p99);
  const [peer] = othersOf(result).sort((left, right) => of(left) - of(right));
  return peer === undefined
    ? undefined
    : { peer, ratio: ratio(result, (workload) => workload.name === name, peer, p99) };
}

function ratio(
  { cells, rounds }: Result,
  belongs: (workload: Workload) => boolean,
  peer: string,
  measure: Measure,
): Interval {
  const byRound = Array.from({ length: rounds }, (_, round) => {
    const inRound = cells.filter((cell) => cell.round === round && belongs(cell.workload));
    const mine = inRound.filter((cell) => cell.peer === ours);
    return geometricMean(
      mine.map((cell) => {
        const theirs = inRound.find((other) => other.peer === peer && other.workload === cell.workload);
        return theirs === undefined ? Number.NaN : measure(cell) / measure(theirs);
      }),
    );
  });
  return bootstrap(byRound);
}

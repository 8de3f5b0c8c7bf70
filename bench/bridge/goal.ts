// What the bridge must reach, each goal beside what this run saw. A ratio meets its goal when its 95 % interval reaches it.
import { leastGoodput, slowestRefusalUs } from './overload.ts';
import { bestP99, cpuPerUnit, groupRatio, groupsOf, othersOf, ours, type Result, rate, timedOf } from './result.ts';
import type { Interval } from './statistic.ts';
import type { Group } from './workload.ts';

export interface Verdict {
  readonly goal: string;
  readonly seen: string;
  readonly met: boolean;
}

// Given.
const leastRate = 1;
const mostCpu = 0.95;
const mostP99 = 1.15;
const mostIdleBytes = 1_024;
const special: Readonly<
  Partial<Record<Group, { readonly peer?: string; readonly rate?: number; readonly cpu?: number }>>
> = {
  'bulk up': { rate: 1.8 },
  'closed loop': { peer: 'go', rate: 1.3, cpu: 0.65 },
};

export function judge(result: Result): Verdict[] {
  const pairs = groupsOf(result).flatMap((group) => othersOf(result).map((peer) => ({ group, peer })));
  return [
    ...pairs.flatMap(({ group, peer }) => judgePair(result, group, peer)),
    ...timedOf(result).flatMap((name) => judgeP99(result, name)),
    ...judgeIdle(result),
    ...judgeOverload(result),
  ];
}

function judgePair(result: Result, group: Group, peer: string): Verdict[] {
  const asked = special[group];
  const holds = asked !== undefined && (asked.peer === undefined || asked.peer === peer) ? asked : {};
  const { rate: least = leastRate, cpu: most = mostCpu } = holds;
  const speed = groupRatio(result, group, peer, rate);
  const cpu = groupRatio(result, group, peer, cpuPerUnit);
  return [
    { goal: `${group}: throughput >= ${least} x ${peer}`, seen: showInterval(speed), met: speed.high >= least },
    { goal: `${group}: CPU <= ${most} x ${peer}`, seen: showInterval(cpu), met: cpu.low <= most },
  ];
}

function judgeP99(result: Result, name: string): Verdict[] {
  const best = bestP99(result, name);
  if (best === undefined) return [];
  const { peer, ratio } = best;
  return [
    { goal: `${name}: p99 <= ${mostP99} x the best (${peer})`, seen: showInterval(ratio), met: ratio.low <= mostP99 },
  ];
}

function judgeIdle({ idleBytes }: Result): Verdict[] {
  const bytes = idleBytes?.get(ours);
  if (bytes === undefined) return [];
  const goal = `memory for an idle connection at 1,000 <= ${mostIdleBytes} bytes`;
  return [{ goal, seen: Math.round(bytes).toString(), met: bytes <= mostIdleBytes }];
}

function judgeOverload({ overload }: Result): Verdict[] {
  if (overload === undefined) return [];
  const { peak, steps, recovered } = overload;
  return [
    ...steps.flatMap(({ times, good, refusalP99us, refusalMaxUs, skipped }) => [
      {
        goal: `overload ${times} x: goodput >= ${leastGoodput} of the peak`,
        seen: `${(good / peak).toFixed(2)}${skipped > 0 ? `, ${skipped} connections not offered` : ''}`,
        met: good >= leastGoodput * peak && skipped === 0,
      },
      {
        goal: `overload ${times} x: refusals within ${slowestRefusalUs / 1_000} ms (p99)`,
        seen: `${(refusalP99us / 1_000).toFixed(1)} ms, slowest ${(refusalMaxUs / 1_000).toFixed(1)} ms`,
        met: refusalP99us <= slowestRefusalUs,
      },
    ]),
    {
      goal: `overload: over the second after it >= ${leastGoodput} of the peak`,
      seen: (recovered / peak).toFixed(2),
      met: recovered >= leastGoodput * peak,
    },
  ];
}

export function showInterval({ median, low, high }: Interval): string {
  return `${median.toFixed(2)} (${low.toFixed(2)}..${high.toFixed(2)})`;
}

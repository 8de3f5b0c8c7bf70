// The page of a run: the goals first, then ratios by group, then medians for the eye.
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { judge, showInterval } from './goal.ts';
import {
  bestP99,
  cpuPerUnit,
  groupRatio,
  groupsOf,
  type Measure,
  medianOf,
  namesOf,
  othersOf,
  p99,
  type Result,
  rate,
  timedOf,
} from './result.ts';
import type { Workload } from './workload.ts';

/** Markdown. */
export function renderResult(result: Result): string {
  const verdicts = judge(result);
  return `${renderHead('Bridge bench, TCP to unix', result)}
## Goals: ${verdicts.filter(({ met }) => met).length} of ${verdicts.length} met

${table(
  ['goal', 'seen', 'met'],
  verdicts.map(({ goal, seen, met }) => [goal, seen, met ? 'yes' : '**no**']),
)}

## Ours against each peer

${renderComparison(result)}
${renderIdle(result)}${renderOverload(result)}${renderCalls(result)}`;
}

/** Title, machine, method. */
export function renderHead(title: string, { absent, rounds, timing, repeated = [] }: Result): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const [minute, , quarter] = loadavg().map((load) => load.toFixed(1));
  return `# ${title}

${new Date().toISOString().slice(0, 16)}Z, commit ${commit}, ${cpus().length} x ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()},
load ${minute} over the last minute and ${quarter} over fifteen; ${rounds} rounds, windows of ${timing.windowMs} ms after ${timing.warmMs} ms;
every bridge in turn within a round. How it is measured and read: [docs/bench.md](../../docs/bench.md).
${absent.length > 0 ? `Absent: ${absent.join(', ')}.\n` : ''}${repeated.length > 0 ? `Windows in which nothing happened, measured again: ${repeated.join(', ')}.\n` : ''}`;
}

/** Ratios by group, then medians. */
export function renderComparison(result: Result): string {
  const names = namesOf(result);
  const timed = timedOf(result);
  const failures = result.cells.filter(({ sample }) => sample.errors > 0);
  return `Geometric mean over the workloads of a group, ratio taken within a round; median over the rounds and its 95 % bootstrap interval.
Throughput above 1 and CPU below 1 are better for us.

${ratioTable('throughput', result, rate)}

${ratioTable('CPU per unit', result, cpuPerUnit)}

${medianTable('throughput, bytes or round trips a second', result, names, rate, formatRate)}

${medianTable('CPU, s/GB or us per round trip', result, names, cpuPerUnit, (value) => value.toPrecision(3), scaleCpu)}

${medianTable('p99, us', result, timed, p99, (value) => Math.round(value).toString())}

${table(
  ['p99', 'best peer', 'caisson / best peer'],
  timed.flatMap((name) => {
    const best = bestP99(result, name);
    return best === undefined ? [] : [[name, best.peer, showInterval(best.ratio)]];
  }),
)}

Errors seen by the client: ${failures.length === 0 ? 'none' : failures.map(({ peer, workload, sample }) => `${peer} ${workload.name} ${sample.errors}`).join(', ')}.`;
}

function renderIdle({ idleBytes }: Result): string {
  if (idleBytes === undefined) return '';
  const rows = [...idleBytes].map(([peer, bytes]) => [peer, (bytes / 1024).toFixed(2)]);
  return `\n## Memory for each of 1,000 idle connections\n\n${table(['bridge', 'KiB'], rows)}\n`;
}

function renderOverload({ overload }: Result): string {
  if (overload === undefined) return '';
  const { peak, steps, recovered } = overload;
  const rows = steps.map(({ times, offered, good, refused, refusalP99us, refusalMaxUs, slowestUs }) => [
    `${times} x`,
    ...[offered, good, refused].map((value) => Math.round(value).toString()),
    ...[refusalP99us, refusalMaxUs, slowestUs].map((value) => (value / 1_000).toFixed(1)),
  ]);
  const head = [
    'offered',
    'a second',
    'good a second',
    'refused',
    'refusal p99 ms',
    'slowest refusal',
    'slowest answer',
  ];
  return `\n## Overload (R-B2), caisson with a cap\n\nPeak ${Math.round(peak)} a second, ${Math.round(recovered)} over the second after the overload.\n\n${table(head, rows)}\n`;
}

function renderCalls({ calls }: Result): string {
  if (calls === undefined) return '';
  const rows = [...calls].flatMap(([name, byPeer]) =>
    [...byPeer].map(([peer, { perUnit, most }]) => [
      name,
      peer,
      perUnit.toFixed(2),
      most.map(([call, each]) => `${call} ${each.toFixed(2)}`).join(', '),
    ]),
  );
  return `\n## System calls a round trip\n\n${table(['workload', 'bridge', 'calls', 'most frequent'], rows)}\n`;
}

function ratioTable(title: string, result: Result, measure: Measure): string {
  const groups = groupsOf(result);
  const rows = othersOf(result).map((peer) => [
    peer,
    ...groups.map((group) => showInterval(groupRatio(result, group, peer, measure))),
  ]);
  return table([`${title}, caisson /`, ...groups], rows);
}

function medianTable(
  title: string,
  result: Result,
  names: readonly string[],
  measure: Measure,
  text: (value: number) => string,
  scale: (value: number, workload: Workload) => number = (value) => value,
): string {
  const rows = result.peers.map((peer) => {
    const cells = names.map((name) => {
      const { workload } = result.cells.find((cell) => cell.workload.name === name)!;
      return text(scale(medianOf(result, name, peer, measure), workload));
    });
    return [peer, ...cells];
  });
  return table([title, ...names], rows);
}

// ns per byte is s per GB; ns per round trip becomes us.
function scaleCpu(value: number, { mode }: Workload): number {
  return mode === 'up' || mode === 'down' ? value : value / 1000;
}

function formatRate(value: number): string {
  if (value >= 1e8) return `${(value / 1e9).toFixed(2)}G`;
  if (value >= 1e3) return `${(value / 1e3).toFixed(1)}k`;
  return value.toFixed(0);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

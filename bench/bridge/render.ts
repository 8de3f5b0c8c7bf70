// The tables of a run: medians for the eye, ratios by group for the claim.
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { bootstrap, geometricMean, type Interval, median } from './statistic.ts';
import type { Group, Sample, Timing, Workload } from './workload.ts';

export interface Cell {
  readonly round: number;
  readonly peer: string;
  readonly workload: Workload;
  readonly sample: Sample;
  readonly cpuNs: number;
}

interface Run {
  readonly cells: readonly Cell[];
  readonly peers: readonly string[];
  readonly absent: readonly string[];
  readonly rounds: number;
  readonly timing: Timing;
}

type Measure = (cell: Cell) => number;

const ours = 'caisson';
const rate: Measure = ({ sample }) => sample.rate;
const cpuPerUnit: Measure = ({ cpuNs, sample }) => cpuNs / sample.total;
const p99: Measure = ({ sample }) => sample.p99us;

/** Markdown. */
export function renderResult(run: Run): string {
  const names = [...new Set(run.cells.map(({ workload }) => workload.name))];
  const groups = [...new Set(run.cells.map(({ workload }) => workload.group))];
  const others = run.peers.filter((name) => name !== ours);
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const timed = names.filter((name) =>
    run.cells.some(({ workload, sample }) => workload.name === name && sample.p99us > 0),
  );
  const failures = run.cells.filter(({ sample }) => sample.errors > 0);
  return `# Bridge bench, TCP to unix

${new Date().toISOString().slice(0, 16)}Z, commit ${commit}, ${cpus().length} x ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()},
${run.rounds} rounds, windows of ${run.timing.windowMs} ms after ${run.timing.warmMs} ms; every bridge in turn within a round.
${run.absent.length > 0 ? `Absent: ${run.absent.join(', ')}.\n` : ''}
## Ours against each peer

Geometric mean over the workloads of a group, ratio taken within a round; median over the rounds and its 95 % bootstrap interval.
Throughput above 1 and CPU below 1 are better for us.

${ratioTable('throughput', run, groups, others, rate)}

${ratioTable('CPU per unit', run, groups, others, cpuPerUnit)}

## Medians

${medianTable('throughput, bytes or round trips a second', run, names, rate, formatRate)}

${medianTable('CPU, s/GB or us per round trip', run, names, cpuPerUnit, (value) => value.toPrecision(3), scaleCpu)}

${medianTable('p99, us', run, timed, p99, (value) => Math.round(value).toString())}

${bestTable(run, timed, others)}

Errors seen by the client: ${failures.length === 0 ? 'none' : failures.map(({ peer, workload, sample }) => `${peer} ${workload.name} ${sample.errors}`).join(', ')}.
`;
}

function ratioTable(
  title: string,
  run: Run,
  groups: readonly Group[],
  others: readonly string[],
  measure: Measure,
): string {
  const rows = others.map((peer) => {
    const cells = groups.map((group) => format(bootstrap(ratios(run, group, peer, measure))));
    return `| ${peer} | ${cells.join(' | ')} |`;
  });
  return table([`${title}, caisson /`, ...groups], rows);
}

// One number a round: the geometric mean over the group's workloads of ours divided by theirs.
function ratios(run: Run, group: Group, peer: string, measure: Measure): number[] {
  return Array.from({ length: run.rounds }, (_, round) => {
    const inRound = run.cells.filter((cell) => cell.round === round && cell.workload.group === group);
    const mine = inRound.filter((cell) => cell.peer === ours);
    return geometricMean(
      mine.map((cell) => {
        const theirs = inRound.find((other) => other.peer === peer && other.workload === cell.workload);
        return theirs === undefined ? Number.NaN : measure(cell) / measure(theirs);
      }),
    );
  });
}

function bestTable(run: Run, names: readonly string[], others: readonly string[]): string {
  const rows = names.map((name) => {
    const of = (peer: string): number => median(values(run, name, peer, p99));
    const best = others.reduce((left, right) => (of(right) < of(left) ? right : left), others[0] ?? ours);
    return `| ${name} | ${best} | ${(of(ours) / of(best)).toFixed(2)} |`;
  });
  return table(['p99', 'best peer', 'caisson / best peer'], rows);
}

function medianTable(
  title: string,
  run: Run,
  names: readonly string[],
  measure: Measure,
  text: (value: number) => string,
  scale: (value: number, workload: Workload) => number = (value) => value,
): string {
  const rows = run.peers.map((peer) => {
    const cells = names.map((name) => {
      const workload = run.cells.find((cell) => cell.workload.name === name)!.workload;
      return text(scale(median(values(run, name, peer, measure)), workload));
    });
    return `| ${peer} | ${cells.join(' | ')} |`;
  });
  return table([title, ...names], rows);
}

function values(run: Run, name: string, peer: string, measure: Measure): number[] {
  return run.cells.filter((cell) => cell.workload.name === name && cell.peer === peer).map(measure);
}

// ns per byte is s per GB; ns per round trip becomes us.
function scaleCpu(value: number, { mode }: Workload): number {
  return mode === 'up' || mode === 'down' ? value : value / 1000;
}

function formatRate(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)}G`;
  if (value >= 1e3) return `${(value / 1e3).toFixed(1)}k`;
  return value.toFixed(0);
}

function format({ median: middle, low, high }: Interval): string {
  return `${middle.toFixed(2)} (${low.toFixed(2)}..${high.toFixed(2)})`;
}

function table(head: readonly string[], rows: readonly string[]): string {
  return [`| ${head.join(' | ')} |`, `|${head.map(() => '---').join('|')}|`, ...rows].join('\n');
}

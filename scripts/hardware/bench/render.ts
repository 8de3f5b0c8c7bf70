// The rows as people and programs read them: a table, tab-separated values, one JSON document.
import type { Row } from './row.ts';

const heads = ['Rate', 'Payload', 'Requests', 'Throughput', 'Success %', 'p50', 'p95', 'p99', 'Max', 'Errors'];

export interface BenchAbout {
  readonly backend: string;
  /** RFC 3339. */
  readonly date: string;
  readonly version: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly durationMs: number;
  readonly maxConnections: number;
}

export function renderTsv(rows: readonly Row[]): string {
  return [heads, ...rows.map((row) => cells(row, ''))].map((line) => `${line.join('\t')}\n`).join('');
}

export function renderText(rows: readonly Row[]): string {
  const table = [heads, ...rows.map((row) => cells(row, ' ms'))];
  const widths = heads.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  const last = heads.length - 1;
  return table
    .map((line) => `${line.map((cell, n) => (n === last ? cell : cell.padStart(widths[n] ?? 0))).join('  ')}\n`)
    .join('');
}

export function renderJson(about: BenchAbout, rows: readonly Row[]): string {
  return `${JSON.stringify({ v: 1, ...about, rows }, undefined, 2)}\n`;
}

function cells(row: Row, unit: string): string[] {
  const ms = (value: number | null): string => (value === null ? '-' : `${value.toFixed(2)}${unit}`);
  const errors = Object.entries(row.errors).map(([kind, count]) => `${count} ${kind}`);
  return [
    ...[String(row.rate), String(row.payloadBytes), String(row.requests), row.throughput.toFixed(1)],
    ...[row.successPercent.toFixed(2), ms(row.p50Ms), ms(row.p95Ms), ms(row.p99Ms), ms(row.maxMs)],
    errors.join(', ') || '0',
  ];
}

/** What whoever reads the table must know beside it; empty where there is nothing. */
export function warnAbout(backend: string, rows: readonly Row[]): readonly string[] {
  // Chosen: a tenth of a millisecond is what polling costs.
  const late = rows.filter(({ generatorLagP99Ms, p50Ms }) => generatorLagP99Ms > Math.max(1, (p50Ms ?? 0) / 2));
  return [
    ...(backend === 'sim'
      ? ['SIMULATED: a process of this machine behind unix sockets; says nothing about hardware']
      : []),
    ...(backend === 'qemu'
      ? ['SIMULATED: an emulated machine, 5 to 17 times slower; says nothing about hardware']
      : []),
    ...(backend === 'nitro-stand-in' ? ['SIMULATED: CAISSON_NITRO_ROOT is set; says nothing about hardware'] : []),
    ...late.map(
      ({ rate, payloadBytes, generatorLagP99Ms }) =>
        `${rate}/s of ${payloadBytes} bytes: the generator itself was up to ${generatorLagP99Ms.toFixed(1)} ms late (p99); that is in the latencies`,
    ),
  ];
}

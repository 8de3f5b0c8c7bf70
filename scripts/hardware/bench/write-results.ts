// The files of a bench: results.tsv, results.json, results.txt, and each request only for whoever asks for it.
import { join } from 'node:path';
import { nameGround } from '../caisson.ts';
import { writeResult } from '../results.ts';
import type { Offered } from './offer.ts';
import { renderJson, renderText, renderTsv, warnAbout } from './render.ts';
import type { Row } from './row.ts';
import type { BenchSettings } from './settings.ts';

export function writeResults(
  settings: BenchSettings,
  version: string,
  rows: readonly Row[],
  env: NodeJS.ProcessEnv,
): void {
  const { cpus, memoryMiB, durationMs, maxConnections, resultsDir } = settings;
  const backend = nameGround(settings.backend, env);
  const date = new Date().toISOString();
  const about = { backend, date, version, cpus, memoryMiB, durationMs, maxConnections };
  const warnings = warnAbout(backend, rows).map((line) => `${line}\n`);
  writeResult(join(resultsDir, 'results.tsv'), renderTsv(rows), env);
  writeResult(join(resultsDir, 'results.json'), renderJson(about, rows), env);
  writeResult(join(resultsDir, 'results.txt'), `${renderText(rows)}${warnings.join('')}`, env);
}

/** A request a line, in the order in which they were due. */
export function writeRaw(
  { resultsDir }: BenchSettings,
  { rate, payload }: { readonly rate: number; readonly payload: number },
  offered: Offered,
  env: NodeJS.ProcessEnv,
): void {
  const lines = ['request\tlatency ms\tgenerator lag ms\tfault\n'];
  for (const [request, latency] of offered.latencyMs.entries()) {
    const lag = offered.lagMs[request] ?? Number.NaN;
    lines.push(`${request}\t${latency.toFixed(3)}\t${lag.toFixed(3)}\t${offered.faults[request] ?? ''}\n`);
  }
  writeResult(join(resultsDir, `raw-${rate}-${payload}.tsv`), lines.join(''), env);
}

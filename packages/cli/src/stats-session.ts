// `caisson stats`: asks every shim once, or again and again. One that does not answer is a row without figures and holds up nobody.
import { setTimeout as pause } from 'node:timers/promises';
import { type EnclaveRecord, isRunning } from '@caisson/host/record';
import { chooseRecords, type EnclaveSource } from './enclave-source.ts';
import { endedBy } from './ended-by.ts';
import { jsonText } from './json-text.ts';
import { bridgeTable, type Sample, statsFacts, statsTable } from './stats-report.ts';
import type { Surroundings } from './surroundings.ts';

export interface StatsOptions {
  readonly names: readonly string[];
  readonly watch: boolean;
  readonly json: boolean;
  readonly intervalMs: number;
}

// Chosen.
const answerMs = 2_000;
// Given: ECMA-48. Home, and nothing below.
const clear = '\u001b[H\u001b[J';

export async function showStats(
  source: EnclaveSource,
  { stdout, stderr, stop }: Pick<Surroundings, 'stdout' | 'stderr' | 'stop'>,
  { names, watch, json, intervalMs }: StatsOptions,
): Promise<number> {
  const isTerminal = (stdout as { isTTY?: boolean }).isTTY === true;
  let before = new Map<string, Sample>();
  const show = async (): Promise<void> => {
    const records = await chooseRecords(source, names);
    const shown = names.length > 0 ? records : records.filter(isRunning);
    const samples = await Promise.all(shown.map((record) => sample(source, record)));
    if (json) stdout.write(`${jsonText({ v: 1, enclaves: samples.map(statsFacts) })}\n`);
    else if (samples.length === 0) stderr.write('no enclave runs; caisson ps -a lists those that have ended\n');
    else {
      const [only] = samples;
      const bridges = only !== undefined && samples.length === 1 ? bridgeTable(only) : '';
      const table = `${statsTable(samples, before)}${bridges === '' ? '' : `\n${bridges}`}`;
      stdout.write(watch && isTerminal ? `${clear}${table}` : table);
    }
    before = new Map(samples.map((one) => [one.record.name, one]));
  };
  await show();
  if (!watch) return 0;
  const go = async (): Promise<never> => {
    for (;;) {
      await pause(intervalMs, undefined, { signal: stop });
      await show();
    }
  };
  return await endedBy(stop, go());
}

async function sample(source: EnclaveSource, record: EnclaveRecord): Promise<Sample> {
  const shim = isRunning(record) ? await source.openShim(record.name).catch(() => undefined) : undefined;
  const late = new AbortController();
  try {
    const stats = await Promise.race([
      shim?.stats(),
      pause(answerMs, undefined, { signal: late.signal }).catch(() => undefined),
    ]).catch(() => undefined);
    return { record, stats: stats ?? undefined, atMs: performance.now() };
  } finally {
    late.abort();
    await shim?.close().catch(() => {});
  }
}

// Events of several enclaves in one stream: what their shims left on disk first, by its time, then what comes. With -f and no names an enclave that
// starts later is heard too.
import { setTimeout as pause } from 'node:timers/promises';
import { enclaveFolder } from '@caisson/host/record';
import type { ShimEvent } from '@caisson/host/shim';
import { chooseRecords, type EnclaveSource } from './enclave-source.ts';
import { endedBy } from './ended-by.ts';
import { hearShim } from './hear-events.ts';
import { jsonText } from './json-text.ts';
import { readKeptEvents } from './kept-events.ts';
import { SeenEvents } from './seen-events.ts';
import { createLineWriter, lineFacts, lineOfEvent } from './shown-line.ts';
import type { Surroundings } from './surroundings.ts';

export interface EventOptions {
  readonly names: readonly string[];
  readonly follow: boolean;
  readonly json: boolean;
  /** Unix milliseconds. */
  readonly sinceMs: number;
  /** Between two looks for enclaves that are new. Default 1,000. */
  readonly lookMs?: number;
}

export async function showEvents(
  source: EnclaveSource,
  { stdout, stderr, stop }: Pick<Surroundings, 'stdout' | 'stderr' | 'stop'>,
  { names, follow, json, sinceMs, lookMs = 1_000 }: EventOptions,
): Promise<number> {
  const records = await chooseRecords(source, names);
  const past = await readPast(
    source,
    records.map(({ name }) => name),
    sinceMs,
  );
  if (json && !follow) {
    stdout.write(`${jsonText({ v: 1, events: past.map(lineOfEvent).map(lineFacts) })}\n`);
    return 0;
  }
  const write = createLineWriter((text) => void stdout.write(text), { json, speaker: ({ enclave }) => enclave });
  const seen = new SeenEvents();
  const show = (event: ShimEvent): void => {
    if (seen.isNew(event)) write(lineOfEvent(event));
  };
  for (const event of past) show(event);
  if (past.length === 0 && !json)
    stderr.write(follow ? 'no events yet\n' : 'no events; caisson up and caisson run start enclaves\n');
  if (!follow) return 0;
  const heard = new Set<string>();
  const look = async (): Promise<never> => {
    for (;;) {
      for (const { name } of names.length > 0 ? records : await source.list()) {
        if (heard.has(name)) continue;
        heard.add(name);
        void hearShim(source, name, { sinceMs, signal: stop, show }).finally(() => heard.delete(name));
      }
      await pause(lookMs, undefined, { signal: stop });
    }
  };
  return await endedBy(stop, look());
}

async function readPast(source: EnclaveSource, names: readonly string[], sinceMs: number): Promise<ShimEvent[]> {
  const each = await Promise.all(
    names.map((name) => readKeptEvents(enclaveFolder(source.state, name).events, sinceMs)),
  );
  return each.flat().toSorted((left, right) => Date.parse(left.time) - Date.parse(right.time));
}

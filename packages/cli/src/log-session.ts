// `caisson logs`: lines of services as an operator may read them, between the events that this host saw. Lines of a production enclave leave it over
// the operator's session alone; where there is none, what the host kept is all there is, and is said to be.
import { ENDED_PHASES, type EnclavePhase, type EnclaveRecord } from '@caisson/host/record';
import type { InitClient } from '@caisson/link/init';
import type { EnclaveSource } from './enclave-source.ts';
import { endedBy } from './ended-by.ts';
import { UsageError } from './exit-code.ts';
import { readKeptLines } from './kept-lines.ts';
import { openServiceLines, type ServiceLines } from './service-lines.ts';
import { createLineWriter, lineFacts, lineOfEvent, type ShownLine } from './shown-line.ts';
import type { Surroundings } from './surroundings.ts';

export interface LogOptions {
  readonly follow: boolean;
  readonly json: boolean;
  /** Unix milliseconds. */
  readonly sinceMs: number;
  /** At most so many of the newest lines. */
  readonly tail: number;
  readonly service: string | undefined;
  /** What this host kept, without a session. */
  readonly hostOnly: boolean;
  /** A proven session; its closing is the caller's. */
  openSession(): Promise<InitClient>;
}

// Nothing runs in them that could be asked.
const MUTE_PHASES: readonly EnclavePhase[] = ['starting', 'booting', 'config', 'waiting'];

export async function showLogs(
  source: EnclaveSource,
  name: string,
  world: Pick<Surroundings, 'stdout' | 'stderr' | 'stop'>,
  options: LogOptions,
): Promise<number> {
  const { stdout, stderr, stop } = world;
  const { follow, json, sinceMs, tail, service } = options;
  const record = await source.find(name);
  const { why, client } = await openUnlessMute(record, options);
  try {
    const asked = { enclave: name, service, lines: tail, follow, stop };
    const services = client === undefined ? undefined : await openServiceLines(client, asked);
    const kept = await readKeptLines({ state: source.state, enclave: name, sinceMs, withWords: why !== undefined });
    const lines = newest(
      [...(services?.past ?? []), ...kept.filter((line) => service === undefined || line.service === service)],
      { sinceMs, tail },
    );
    if (why !== undefined) stderr.write(`${why}\n`);
    if (json && !follow) {
      stdout.write(
        `${JSON.stringify({ v: 1, enclave: name, kept: why !== undefined, lines: lines.map(lineFacts) })}\n`,
      );
      return 0;
    }
    const write = createLineWriter((text) => void stdout.write(text), {
      json,
      speaker: (line) => line.service ?? 'caisson',
    });
    for (const line of lines) write(line);
    if (!follow || isEnded(record)) return 0;
    return await endedBy(
      stop,
      followLines(source, name, services, { write, stop, kept, sinceMs, withEvents: service === undefined }),
    );
  } finally {
    client?.close();
  }
}

/** One that comes up has not been proven yet, so that there may be no policy for it: then what its host kept is better than nothing. */
async function openUnlessMute(
  record: EnclaveRecord,
  options: LogOptions,
): Promise<{ readonly why: string | undefined; readonly client: InitClient | undefined }> {
  const why = whyOnlyKept(record, options);
  if (why !== undefined) return { why, client: undefined };
  try {
    return { why, client: await options.openSession() };
  } catch (error) {
    const { state } = record;
    if (!(error instanceof UsageError) || state === undefined || state.phase === 'ready') throw error;
    return { why: `enclave ${record.name} is ${state.phase}, and ${error.message}: ${hostsPart}`, client: undefined };
  }
}

const hostsPart = 'this is what its host kept, and no more is let out';

/** Undefined: its services can be asked. */
function whyOnlyKept(record: EnclaveRecord, { hostOnly }: LogOptions): string | undefined {
  const { name, spec, state } = record;
  if (hostOnly) return `without a session of enclave ${name}: ${hostsPart}`;
  if (isEnded(record))
    return `enclave ${name} ${state === undefined ? 'was never started' : `is ${state.phase}`}: ${hostsPart}`;
  if (spec?.hasControl === false) return `the image of enclave ${name} has no control channel: ${hostsPart}`;
  if (state !== undefined && MUTE_PHASES.includes(state.phase))
    return `enclave ${name} is ${state.phase}, and nobody in it can be asked: ${hostsPart}`;
  return undefined;
}

function isEnded({ state }: EnclaveRecord): boolean {
  return state === undefined || ENDED_PHASES.includes(state.phase);
}

/** By time; a line that has none and no neighbour with one stands at the end. */
function newest(
  lines: readonly ShownLine[],
  { sinceMs, tail }: { readonly sinceMs: number; readonly tail: number },
): readonly ShownLine[] {
  const at = ({ time, besideMs = Number.POSITIVE_INFINITY }: ShownLine): number =>
    time === null ? besideMs : Date.parse(time);
  return lines
    .filter((line) => at(line) >= sinceMs)
    .toSorted((left, right) => (at(left) === at(right) ? 0 : at(left) - at(right)))
    .slice(-tail);
}

/** Until the enclave ends or `stop`. Rejects with what broke the session of an enclave that goes on. */
async function followLines(
  source: EnclaveSource,
  name: string,
  services: ServiceLines | undefined,
  {
    write,
    stop,
    withEvents,
    kept,
    sinceMs,
  }: {
    write(line: ShownLine): void;
    readonly stop: AbortSignal;
    readonly withEvents: boolean;
    /** What was shown, or left out, already. */
    readonly kept: readonly ShownLine[];
    readonly sinceMs: number;
  },
): Promise<void> {
  const shim = await source.openShim(name);
  const over = new AbortController();
  const signal = AbortSignal.any([stop, over.signal]);
  const events = async (): Promise<void> => {
    if (shim === undefined) return;
    const known = new Set(kept.map(keyOf));
    for await (const event of shim.events({ sinceMs, follow: true, signal })) {
      const line = lineOfEvent(event);
      if (withEvents && !known.has(keyOf(line))) write(line);
    }
  };
  try {
    if (services === undefined) return await events();
    const hearing = events().catch(() => {});
    await services.follow(write).catch(async (error: unknown) => {
      // The shim is the last to know that an enclave has ended: what it says of that is still to come.
      const now = await source.find(name);
      if (isEnded(now) || now.state?.phase === 'stopping') await hearing;
      else throw error;
    });
  } finally {
    over.abort();
    await shim?.close().catch(() => {});
  }
  stop.throwIfAborted();
}

function keyOf({ time, code, fields }: ShownLine): string {
  return `${time} ${code} ${String(fields?.['seq'])}`;
}

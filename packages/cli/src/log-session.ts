// `caisson logs`: lines of services as an operator may read them, between the events that this host saw. Lines of a production enclave leave it over
// the operator's session alone; where there is none, what the host kept is all there is, and is said to be.
import { isAsGrave, type LogLevel } from '@caisson/core/log';
import { type EnclavePhase, type EnclaveRecord, isRunning } from '@caisson/host/record';
import type { InitClient } from '@caisson/link/init';
import type { EnclaveSource } from './enclave-source.ts';
import { endedBy } from './ended-by.ts';
import { UsageError } from './exit-code.ts';
import { jsonText } from './json-text.ts';
import { readKeptLines } from './kept-lines.ts';
import { type FollowLogsOptions, followLogs } from './log-follow.ts';
import { SeenEvents } from './seen-events.ts';
import { openServiceLines, type ServiceLinesOptions } from './service-lines.ts';
import { createLineWriter, levelOf, lineFacts, lineOfEvent, type ShownLine } from './shown-line.ts';
import type { Surroundings } from './surroundings.ts';

export interface LogOptions {
  readonly follow: boolean;
  readonly json: boolean;
  /** Unix milliseconds. */
  readonly sinceMs: number;
  /** At most so many of the newest lines. */
  readonly tail: number;
  readonly service: string | undefined;
  /** Lines below this level are left out. Default: `logs.level` of caisson.yaml, else all are shown. Lines without a level count as `info`. */
  readonly level?: LogLevel | undefined;
  /** Only what this host kept, without a session. */
  readonly hostOnly: boolean;
  /** With `follow`: what to do when the shim is gone, since somebody may start the enclave again. Default `wait`. */
  readonly whenLost?: 'wait' | 'end';
  /** Between two looks at the enclave's state. Default 250. */
  readonly lookMs?: number;
  /** Default 5,000. */
  readonly graceMs?: number;
  /** A proven session; its closing is the caller's. */
  openSession(): Promise<InitClient>;
}

// Given: what the supervisor keeps of a service at most.
const mostLines = 10_000;
// Chosen.
const lookMs = 250;
const graceMs = 5_000;

// In these phases nothing runs inside that could be asked.
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
  const least = options.level ?? record.spec?.logLevel ?? 'trace';
  const isShown = (line: ShownLine): boolean => isAsGrave(levelOf(line), least);
  const { why, client } = await openUnlessMute(record, options);
  try {
    // A level is filtered on this side, so more lines are asked for than will be shown.
    const asked = { enclave: name, service, lines: least === 'trace' ? tail : mostLines, follow, stop };
    const services = client === undefined ? undefined : await openServiceLines(client, asked);
    const kept = await readKeptLines({ state: source.state, enclave: name, sinceMs, withWords: why !== undefined });
    const lines = newest(
      [...(services?.past ?? []), ...kept.filter((line) => service === undefined || line.service === service)].filter(
        isShown,
      ),
      { sinceMs, tail },
    );
    if (why !== undefined) stderr.write(`${why}: ${isYetToCome(record, options) ? yetToCome : hostsPart}\n`);
    if (json && !follow) {
      stdout.write(`${jsonText({ v: 1, enclave: name, kept: why !== undefined, lines: lines.map(lineFacts) })}\n`);
      return 0;
    }
    const writeAny = createLineWriter((text) => void stdout.write(text), {
      json,
      speaker: (line) => line.service ?? 'caisson',
    });
    const write = (line: ShownLine): void => void (isShown(line) && writeAny(line));
    for (const line of lines) write(line);
    if (!follow || !isRunning(record)) return 0;
    const seen = new SeenEvents();
    for (const line of kept) seen.isNew(line);
    const first = client && services && { bootId: record.state?.bootId ?? null, services, close: () => client.close() };
    const follower = followerOf(name, world, options, { seen, write, asked });
    return await endedBy(stop, followLogs(source, follower, first));
  } finally {
    client?.close();
  }
}

/** What following needs beside the lines that were shown already. */
function followerOf(
  name: string,
  { stderr, stop }: Pick<Surroundings, 'stderr' | 'stop'>,
  options: LogOptions,
  {
    seen,
    write,
    asked,
  }: { readonly seen: SeenEvents; readonly write: (line: ShownLine) => void; readonly asked: ServiceLinesOptions },
): FollowLogsOptions {
  const { sinceMs, service, hostOnly, openSession } = options;
  return {
    name,
    stop,
    sinceMs,
    service,
    write,
    whenLost: options.whenLost ?? 'wait',
    lookMs: options.lookMs ?? lookMs,
    graceMs: options.graceMs ?? graceMs,
    mayAsk: !hostOnly,
    say: (text) => void stderr.write(`${text}\n`),
    onEvent: (event) => {
      if (seen.isNew(event) && service === undefined) write(lineOfEvent(event));
    },
    async open({ state }) {
      const next = await openSession();
      try {
        // A new boot: all of its lines are new.
        const services = await openServiceLines(next, { ...asked, lines: mostLines });
        return { bootId: state?.bootId ?? null, services, close: () => next.close() };
      } catch (error) {
        next.close();
        throw error;
      }
    },
  };
}

/** An enclave that is coming up may have no policy yet; then what its host kept is better than nothing. */
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
    return { why: `enclave ${record.name} is ${state.phase}, and ${error.message}`, client: undefined };
  }
}

const hostsPart = 'this is what its host kept, and no more is let out';
const yetToCome = 'this is what its host kept, and its own lines follow once it can be asked';

function isYetToCome(record: EnclaveRecord, { follow, hostOnly }: LogOptions): boolean {
  return follow && !hostOnly && isRunning(record) && record.spec?.hasControl === true;
}

/** Why only what the host kept can be shown; undefined where the services can be asked. */
function whyOnlyKept(record: EnclaveRecord, { hostOnly }: LogOptions): string | undefined {
  const { name, spec, state } = record;
  if (hostOnly) return `without a session of enclave ${name}`;
  if (!isRunning(record)) return `enclave ${name} ${state === undefined ? 'was never started' : `is ${state.phase}`}`;
  if (spec?.hasControl === false) return `the image of enclave ${name} has no control channel`;
  if (state !== undefined && MUTE_PHASES.includes(state.phase))
    return `enclave ${name} is ${state.phase}, and nobody in it can be asked`;
  return undefined;
}

/** Sorted by time. A line without a time stands beside its neighbour, or at the end where it has none. */
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

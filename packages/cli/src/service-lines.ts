// Lines of an enclave's services, over an operator's session: those that the supervisor keeps, and those that come. A line is in both where it comes
// while the first are asked for, and is shown once.
import type { InitClient } from '@caisson/link/init';
import { UsageError } from './exit-code.ts';
import type { ShownLine } from './shown-line.ts';

export interface ServiceLinesOptions {
  readonly enclave: string;
  /** Only this service; undefined: all. */
  readonly service: string | undefined;
  /** At most this many of each service. */
  readonly lines: number;
  readonly follow: boolean;
  readonly stop: AbortSignal;
}

/** A line as the supervisor keeps it. */
export interface KeptLine {
  readonly line: string;
  readonly timeMs: number | undefined;
}

export interface ServiceLines {
  readonly past: readonly ShownLine[];
  /** Shows lines that came since it was opened, then new ones, until `stop` or the end of the session. */
  follow(show: (line: ShownLine) => void): Promise<void>;
}

// Chosen: an answer is one message of at most a megabyte, and a line may have 8,192 characters.
const fewestLines = 50;

/** Throws UsageError for a service that the enclave has not, and what the session rejects. */
export async function openServiceLines(client: InitClient, options: ServiceLinesOptions): Promise<ServiceLines> {
  const { enclave, lines, follow, stop } = options;
  const services = await chooseServices(client, options);
  const followed = services.map((service) => {
    const early: KeptLine[] = [];
    const one = { service, hear: (line: KeptLine): void => void early.push(line), early, ended: Promise.resolve() };
    if (follow) one.ended = client.follow(service, ({ line, timeMs }) => one.hear({ line, timeMs }), stop);
    // The error reaches whoever follows. If nobody does, it must not become an unhandled rejection.
    one.ended.catch(() => {});
    return one;
  });
  const past = await Promise.all(
    followed.map(async ({ service }) => ({ service, kept: await keptLines(client, service, lines) })),
  );
  return {
    past: past.flatMap(({ service, kept }) => kept.map((line) => parseLine(enclave, service, line))),
    async follow(show) {
      for (const [at, one] of followed.entries()) {
        const { service, early } = one;
        const came = early.splice(0);
        for (const line of came.slice(overlap(past[at]?.kept ?? [], came))) show(parseLine(enclave, service, line));
        one.hear = (line) => show(parseLine(enclave, service, line));
      }
      await Promise.all(followed.map(({ ended }) => ended));
    },
  };
}

async function chooseServices(client: InitClient, { service, enclave }: ServiceLinesOptions): Promise<string[]> {
  const { services } = (await client.call('ListServices')) as { services: readonly { readonly name: string }[] };
  const names = services.map(({ name }) => name);
  if (service === undefined) return names;
  if (names.includes(service)) return [service];
  throw new UsageError(`enclave ${enclave} has no service ${service}`, `it has ${names.join(', ') || 'none'}`);
}

/** Asks for fewer lines when they do not fit into one answer. */
async function keptLines(client: InitClient, name: string, lines: number): Promise<readonly KeptLine[]> {
  try {
    const answer = await client.call('ServiceLogs', { name, lines });
    const { logs, times_ms: times } = answer as {
      readonly logs: readonly string[];
      readonly times_ms?: readonly number[];
    };
    return logs.map((line, at) => ({ line, timeMs: times?.[at] }));
  } catch (error) {
    const isTooLong = error instanceof Error && 'code' in error && error.code === 'CHANNEL_MESSAGE_SIZE';
    if (!isTooLong || lines <= fewestLines) throw error;
    return await keptLines(client, name, Math.max(fewestLines, Math.floor(lines / 4)));
  }
}

/** How many lines at the start of `early` are also the last lines of `kept`. */
export function overlap(kept: readonly KeptLine[], early: readonly KeptLine[]): number {
  for (let count = Math.min(kept.length, early.length); count > 0; count -= 1) {
    const from = kept.length - count;
    if (early.slice(0, count).every((one, at) => isSame(one, kept[from + at]))) return count;
  }
  return 0;
}

function isSame(one: KeptLine, other: KeptLine | undefined): boolean {
  return one.line === other?.line && (one.timeMs ?? 0) === (other.timeMs ?? 0);
}

/** `[2026-11-21 10:15:47] text`, UTC (docs/wire/init-control.md); its whole seconds only where the answer has no milliseconds. */
function parseLine(enclave: string, service: string, { line, timeMs }: KeptLine): ShownLine {
  const [, day, clock, text] = /^\[(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\] (.*)$/s.exec(line) ?? [];
  const time = day === undefined ? null : `${day}T${clock}.000Z`;
  return {
    time: timeMs === undefined ? time : new Date(timeMs).toISOString(),
    level: 'info',
    code: 'SERVICE_LINE',
    message: text ?? line,
    enclave,
    service,
  };
}

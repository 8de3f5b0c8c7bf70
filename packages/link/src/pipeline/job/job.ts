// A job: a command that outlives the session that started it, with its output kept (what `--no-wait` lost).
import type { CborValue } from '@caisson/core/cbor';
import { decodeCbor, encodeCbor } from '@caisson/core/cbor';
import { ParseError } from '@caisson/core/errors';
import type { PipelineErrorCode } from '../error-code.ts';
import type { CommandEnd } from '../exec/process.ts';
import { encodeFields, Fields } from '../fields.ts';

export interface Job {
  /** `job-` and eight characters. */
  readonly name: string;
  readonly argv: readonly string[];
  /** Who started it. */
  readonly operator: string;
  readonly pid: number;
  /** Unix milliseconds, by the enclave's clock. */
  readonly startedMs: number;
  readonly endedMs: number | null;
  /** null: it runs. */
  readonly end: CommandEnd | null;
  /** Bytes of its output that are kept no more: only the newest are. */
  readonly droppedBytes: number;
}

export type JobStream = 'stdout' | 'stderr';

export interface JobLogRequest {
  readonly name: string;
  readonly stream: JobStream;
  readonly follow: boolean;
}

/** Who runs jobs (PID 1 in an enclave) is handed in. */
export interface JobHost {
  /** Rejects PIPELINE_START, LimitError PIPELINE_LIMIT. */
  start(request: JobStart): Promise<Job>;
  list(): readonly Job[];
  /** Throws PIPELINE_JOB_UNKNOWN, as all that follow. */
  find(name: string): Job;
  /** What is kept, then what comes; ends when the job has and all was given. */
  read(name: string, stream: JobStream, follow: boolean, signal: AbortSignal): AsyncIterable<Uint8Array>;
  wait(name: string, signal: AbortSignal): Promise<CommandEnd>;
  signal(name: string, number: number): void;
}

export interface JobStart {
  readonly argv: readonly string[];
  readonly cwd: string | null;
  readonly user: string | null;
  readonly timeoutMs: number | null;
  readonly variables: Readonly<Record<string, string>>;
  readonly operator: string;
}

// Chosen.
const maxListBytes = 1 << 20;
export const jobNameForm = /^job-[a-z2-7]{8}$/;

export function encodeJobs(jobs: readonly Job[]): Uint8Array {
  return encodeCbor(
    jobs.map(
      ({ name, argv, operator, pid, startedMs, endedMs, end, droppedBytes }): CborValue =>
        new Map<number, CborValue>([
          ...([
            [1, name],
            [2, [...argv]],
            [3, operator],
            [4, pid],
            [5, startedMs],
          ] as [number, CborValue][]),
          ...([
            [6, endedMs],
            [7, end === null ? null : endNumber(end)],
            [8, droppedBytes],
          ] as [number, CborValue][]),
        ]),
    ),
  );
}

/** Throws ParseError PIPELINE_REQUEST. */
export function parseJobs(bytes: Uint8Array): readonly Job[] {
  const list = decodeCbor(bytes, { maxBytes: maxListBytes, maxDepth: 4, maxItems: 200_000 });
  if (!Array.isArray(list)) throw new ParseError<PipelineErrorCode>('PIPELINE_REQUEST', 'jobs must be a list');
  return (list as readonly CborValue[]).map((one) => {
    const fields = new Fields(encodeCbor(one), 'job');
    const job = {
      name: fields.text(1, 64),
      argv: fields.texts(2, 1_024),
      operator: fields.text(3, 64),
      pid: fields.integer(4),
      startedMs: fields.integer(5),
      endedMs: fields.optional(6, () => fields.integer(6)),
      end: fields.optional(7, () => endOf(fields.integer(7, 511))),
      droppedBytes: fields.integer(8),
    };
    fields.end();
    return job;
  });
}

export function encodeLogRequest({ name, stream, follow }: JobLogRequest): Uint8Array<ArrayBuffer> {
  return encodeFields({ 1: name, 2: stream, 3: follow });
}

/** Throws ParseError PIPELINE_REQUEST. */
export function parseLogRequest(bytes: Uint8Array): JobLogRequest {
  const fields = new Fields(bytes, 'request for logs');
  const [name, stream, follow] = [fields.text(1, 64), fields.text(2, 6), fields.boolean(3)];
  fields.end();
  if (stream === 'stdout' || stream === 'stderr') return { name, stream, follow };
  throw new ParseError<PipelineErrorCode>('PIPELINE_REQUEST', 'request for logs must name stdout or stderr');
}

/** An exit code as it is, a signal from 256 on. */
function endNumber(end: CommandEnd): number {
  return end.kind === 'exit' ? end.code : 256 + end.signal;
}

function endOf(number: number): CommandEnd {
  return number < 256 ? { kind: 'exit', code: number } : { kind: 'signal', signal: number - 256 };
}

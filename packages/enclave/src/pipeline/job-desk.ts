// Jobs: PID 1 holds their outputs, so that a job goes on while no supervisor reads (docs/wire/pid1.md); the supervisor keeps the newest of what they write, and a
// new one takes up where the last has left.
//
//   running --ended--> draining --all read--> over (kept until 64 newer ones are there)
import { randomBytes } from 'node:crypto';
import { constants, mkdirSync, openSync, readSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { CaissonError, LimitError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { CommandEnd, Job, JobHost, JobStart, JobStream, PipelineErrorCode } from '@caisson/link/pipeline';
import type { EndWatch } from './end-watch.ts';
import { type JobRecord, readJobRecords, writeJobRecord } from './job-record.ts';
import { KeptOutput } from './kept-output.ts';
import { type PlaceTerms, startFault, toOperatorRequest } from './request.ts';

export interface JobTerms extends PlaceTerms {
  readonly watch: EndWatch;
  /** For records and kept output. */
  readonly folder: string;
  /** Where PID 1 makes the FIFOs: `/run/caisson/log`. */
  readonly fifoFolder: string;
}

// Chosen.
const maxRunning = 32;
const maxKept = 64;
const graceMs = 5_000;
const letters = 'abcdefghijklmnopqrstuvwxyz234567';
const signals = { kill: 9, terminate: 15 };
const streamNames = ['stdout', 'stderr'] as const;

interface Entry {
  record: JobRecord;
  readonly outputs: readonly [KeptOutput, KeptOutput];
  readonly over: PromiseWithResolvers<CommandEnd>;
}

/** Takes up the jobs of a supervisor before this one, and ends the commands that were attached to its sessions. */
export async function openJobs(terms: JobTerms): Promise<JobHost> {
  mkdirSync(terms.folder, { recursive: true, mode: 0o700 });
  const desk = new JobDesk(terms);
  await desk.takeUp();
  return desk;
}

class JobDesk implements JobHost {
  readonly #terms: JobTerms;
  readonly #entries = new Map<string, Entry>();

  constructor(terms: JobTerms) {
    this.#terms = terms;
  }

  async takeUp(): Promise<void> {
    const { folder, watch } = this.#terms;
    const table = await watch.host.table();
    for (const { name, pid, startTime, end } of table) {
      if (!name.startsWith('exec-')) continue;
      // The job's session died with the supervisor that held it.
      if (end === undefined) await watch.host.signal(name, { pid, startTime }, signals.kill, 'cgroup').catch(() => {});
      else await watch.host.forget(name, { pid, startTime }).catch(() => {});
    }
    for (const record of readJobRecords(folder)) {
      const entry = this.#add(record);
      if (record.end === null) this.#follow(entry);
      else {
        for (const output of entry.outputs) output.finish();
        entry.over.resolve(record.end);
      }
    }
  }

  async start(job: JobStart): Promise<Job> {
    const { watch, folder, fifoFolder } = this.#terms;
    const running = [...this.#entries.values()].filter(({ record }) => record.end === null).length;
    if (running >= maxRunning) {
      throw new LimitError<PipelineErrorCode>('PIPELINE_LIMIT', `jobs must be at most ${maxRunning} at once, got more`);
    }
    const name = `job-${[...randomBytes(8)].map((byte) => letters[byte & 31]).join('')}`;
    const streams = {
      stdin: null,
      stdout: `${fifoFolder}/${name}.out`,
      stderr: `${fifoFolder}/${name}.err`,
      hold: true,
    };
    try {
      const { pid, startTime } = await watch.host.start(toOperatorRequest(name, job, streams, this.#terms));
      mkdirSync(`${folder}/${name}`, { mode: 0o700 });
      const { argv, operator, timeoutMs } = job;
      const entry = this.#add({
        name,
        argv,
        operator,
        pid,
        startTime,
        startedMs: Date.now(),
        timeoutMs,
        endedMs: null,
        end: null,
        dropped: [0, 0],
      });
      writeJobRecord(`${folder}/${name}`, entry.record);
      this.#follow(entry);
      this.#makeRoom();
      return jobOf(entry);
    } catch (error) {
      throw startFault(job.argv, error);
    }
  }

  list(): readonly Job[] {
    return [...this.#entries.values()].map(jobOf);
  }

  find(name: string): Job {
    return jobOf(this.#entryOf(name));
  }

  read(name: string, stream: JobStream, follow: boolean, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#entryOf(name).outputs[streamNames.indexOf(stream) as 0 | 1].read(follow, signal);
  }

  wait(name: string, signal: AbortSignal): Promise<CommandEnd> {
    const { over } = this.#entryOf(name);
    const { promise, reject, resolve } = Promise.withResolvers<CommandEnd>();
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    void over.promise.then(resolve);
    return promise.finally(() => signal.removeEventListener('abort', onAbort));
  }

  signal(name: string, number: number): void {
    const { record } = this.#entryOf(name);
    const scope = number === signals.kill ? 'cgroup' : 'group';
    if (record.end === null) this.#terms.watch.host.signal(name, record, number, scope).catch(() => {});
  }

  #add(record: JobRecord): Entry {
    const path = `${this.#terms.folder}/${record.name}`;
    const [out, err] = [
      new KeptOutput(`${path}/out`, record.dropped[0]),
      new KeptOutput(`${path}/err`, record.dropped[1]),
    ];
    const entry: Entry = { record, outputs: [out, err], over: Promise.withResolvers() };
    this.#entries.set(record.name, entry);
    return entry;
  }

  #follow(entry: Entry): void {
    const { watch, fifoFolder, folder } = this.#terms;
    const { name, startedMs, timeoutMs } = entry.record;
    const readers = (['out', 'err'] as const).map((suffix, index) =>
      openReader(`${fifoFolder}/${name}.${suffix}`, entry.outputs[index as 0 | 1]),
    );
    const timers: NodeJS.Timeout[] = [];
    const later = (afterMs: number, number: number): void =>
      void timers.push(setTimeout(() => this.signal(name, number), Math.max(0, afterMs)).unref());
    if (timeoutMs !== null) {
      const leftMs = startedMs + timeoutMs - Date.now();
      later(leftMs, signals.terminate);
      later(leftMs + graceMs, signals.kill);
    }
    void watch.wait(name, entry.record).then((end) => {
      for (const timer of timers) clearTimeout(timer);
      for (const reader of readers) reader.drain();
      for (const output of entry.outputs) output.finish();
      const [out, err] = entry.outputs;
      const dropped: [number, number] = [out.droppedBytes, err.droppedBytes];
      entry.record = { ...entry.record, end, endedMs: Date.now(), dropped };
      writeJobRecord(`${folder}/${name}`, entry.record);
      entry.over.resolve(end);
      watch.host.forget(name, entry.record).catch(() => {});
    });
  }

  #makeRoom(): void {
    for (const [name, { record, outputs }] of this.#entries) {
      if (this.#entries.size <= maxKept) return;
      if (record.end === null) continue;
      this.#entries.delete(name);
      for (const output of outputs) output.close();
      rmSync(`${this.#terms.folder}/${name}`, { recursive: true, force: true });
    }
  }

  #entryOf(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry;
    const shown = plain(name.slice(0, 80));
    throw new CaissonError<PipelineErrorCode>(
      'PIPELINE_JOB_UNKNOWN',
      `job ${shown} must be one of this enclave, got none`,
      {
        hint: 'caisson job list shows them; the oldest that have ended are dropped after 64',
      },
    );
  }
}

/** PID 1 holds the FIFO open both ways, so it has no end: what is there when the job has ended is read out. */
function openReader(path: string, output: KeptOutput): { drain(): void } {
  const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  } catch {
    // It has ended and was forgotten already.
    return { drain() {} };
  }
  const socket = new Socket({ fd, readable: true, writable: false });
  let isOpen = true;
  socket.on('error', () => {});
  socket.once('close', () => {
    isOpen = false;
  });
  socket.on('data', (chunk) => output.append(chunk));
  return {
    drain() {
      if (!isOpen) return;
      const buffer = Buffer.alloc(65_536);
      try {
        for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer))
          output.append(buffer.subarray(0, got));
      } catch {
        // EAGAIN: that was all.
      }
      socket.destroy();
    },
  };
}

function jobOf({ record, outputs }: Entry): Job {
  const { name, argv, operator, pid, startedMs, endedMs, end } = record;
  const droppedBytes = outputs[0].droppedBytes + outputs[1].droppedBytes;
  return { name, argv, operator, pid, startedMs, endedMs, end, droppedBytes };
}

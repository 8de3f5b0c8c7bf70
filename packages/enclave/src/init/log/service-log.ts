// All that a service has said: kept in the ring, written to its file, passed to who follows. In the file a line is
// `2026-11-20T11:05:19.007Z out text`: when, which stream, what (docs/supervisor.md).
import { join } from 'node:path';
import type { ServiceLogLine } from '@caisson/link/init';
import type { Clock } from '../clock.ts';
import { LogFile } from './log-file.ts';
import { LogRing } from './ring.ts';

export interface ServiceLogOptions {
  readonly name: string;
  readonly folder: string;
  readonly maxBytes: number;
  readonly maxFiles: number;
  readonly clock: Clock;
  readonly onTrouble: (trouble: { readonly error: Error | undefined; readonly lost: number }) => void;
}

// Chosen: what one question for old lines may read.
const maxTailBytes = 4 * 1024 * 1024;

const lineForm = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (out|err|init) (.*)$/;

export class ServiceLog {
  readonly #clock: Clock;
  readonly #ring = new LogRing();
  readonly #file: LogFile;
  readonly #listeners = new Set<(line: ServiceLogLine) => void>();

  constructor({ name, folder, maxBytes, maxFiles, clock, onTrouble }: ServiceLogOptions) {
    this.#clock = clock;
    this.#file = new LogFile({
      path: join(folder, `${name}.log`),
      maxBytes,
      maxFiles,
      clock,
      onTrouble,
      formatGap: (lost) => `${prefix(clock.date(), 'init')}${lost} lines are missing here\n`,
    });
  }

  /** Lines in the form that the splitter gives: safe, bounded, without their end. */
  add(stream: ServiceLogLine['stream'], texts: readonly string[]): void {
    const timeMs = this.#clock.date();
    const start = prefix(timeMs, stream);
    this.#file.write(texts.map((text) => `${start}${text}\n`));
    for (const text of texts) {
      const line = { timeMs, stream, text };
      this.#ring.push(line);
      for (const listener of this.#listeners) this.#tell(listener, line);
    }
  }

  /** From memory alone. */
  lastInMemory(count: number): readonly ServiceLogLine[] {
    return this.#ring.last(count);
  }

  async last(count: number): Promise<readonly ServiceLogLine[]> {
    if (this.#ring.size >= count) return this.#ring.last(count);
    const text = await this.#file.readTail(maxTailBytes).catch(() => '');
    const fromFile = text.split('\n').flatMap(parseLine).slice(-count);
    // A disk that lost lines must not hide those that memory still has.
    return fromFile.length >= this.#ring.size ? fromFile : this.#ring.last(count);
  }

  follow(listener: (line: ServiceLogLine) => void, stop: AbortSignal): void {
    if (stop.aborted) return;
    this.#listeners.add(listener);
    stop.addEventListener('abort', () => this.#listeners.delete(listener), { once: true });
  }

  /** Throws Node-style errors. */
  clear(): void {
    this.#ring.clear();
    this.#file.clear();
  }

  close(): void {
    this.#file.close();
  }

  #tell(listener: (line: ServiceLogLine) => void, line: ServiceLogLine): void {
    try {
      listener(line);
    } catch {
      this.#listeners.delete(listener);
    }
  }
}

function prefix(timeMs: number, stream: ServiceLogLine['stream']): string {
  return `${new Date(timeMs).toISOString()} ${stream} `;
}

function parseLine(line: string): ServiceLogLine[] {
  const [, time, stream, text] = lineForm.exec(line) ?? [];
  if (time === undefined || stream === undefined || text === undefined) return [];
  return [{ timeMs: Date.parse(time), stream: stream as ServiceLogLine['stream'], text }];
}

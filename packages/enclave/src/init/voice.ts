// The words of all services: a log for each, and the FIFOs that feed it.
import { statSync } from 'node:fs';
import type { Log } from '@caisson/core/log';
import type { MeasuredInit } from '@caisson/core/measured';
import type { Clock } from './clock.ts';
import { type FifoReader, openFifo } from './log/fifo.ts';
import { ServiceLog } from './log/service-log.ts';
import { toSafeText } from './log/text.ts';

export interface VoiceOptions {
  readonly init: Pick<MeasuredInit, 'logDir' | 'maxLogBytes' | 'maxLogFiles'>;
  /** Where PID 1 makes the FIFOs. */
  readonly fifoFolder: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class Voices {
  readonly #options: VoiceOptions;
  readonly #logs = new Map<string, ServiceLog>();
  readonly #readers = new Map<string, FifoReader[]>();

  constructor(options: VoiceOptions) {
    this.#options = options;
  }

  of(name: string): ServiceLog {
    const known = this.#logs.get(name);
    if (known !== undefined) return known;
    const { init, clock } = this.#options;
    const log = new ServiceLog({
      name,
      folder: init.logDir,
      maxBytes: init.maxLogBytes,
      maxFiles: init.maxLogFiles,
      clock,
      onTrouble: ({ error, lost }) => this.#sayTrouble(name, error, lost),
    });
    this.#logs.set(name, log);
    return log;
  }

  /** The supervisor's own word about a service, in its log. */
  note(name: string, text: string): void {
    this.of(name).add('init', [toSafeText(text)]);
  }

  /** Reads the FIFOs of a service that runs; those that are read already go on. */
  attach(name: string): void {
    for (const stream of ['out', 'err'] as const) this.#attach(name, stream);
  }

  /** Says what an ended process has left to be read. */
  drain(name: string): void {
    for (const stream of ['out', 'err'] as const) {
      for (const reader of this.#readers.get(this.#pathOf(name, stream)) ?? []) reader.drain();
    }
  }

  /** From now on what services write waits in the FIFOs for the next supervisor. */
  close(): void {
    for (const reader of [...this.#readers.values()].flat()) reader.close();
    for (const log of this.#logs.values()) log.close();
  }

  #attach(name: string, stream: 'out' | 'err'): void {
    const path = this.#pathOf(name, stream);
    const readers = (this.#readers.get(path) ?? []).filter(({ isOpen }) => isOpen);
    this.#readers.set(path, readers);
    try {
      const { ino } = statSync(path, { bigint: true });
      // The old FIFO is still read to its end, beside the new one of the same name.
      if (readers.some(({ inode }) => inode === ino)) return;
      readers.push(openFifo(path, (lines) => this.of(name).add(stream, lines)));
    } catch (error) {
      const fields = { service: name, reason: (error as Error).message };
      this.#options.log.warn('INIT_LOG_UNREAD', 'words of a service are not read', fields);
    }
  }

  #pathOf(name: string, stream: 'out' | 'err'): string {
    return `${this.#options.fifoFolder}/${name}.${stream}`;
  }

  #sayTrouble(name: string, error: Error | undefined, lost: number): void {
    const { log } = this.#options;
    if (error === undefined) log.info('INIT_LOG_BACK', 'log file is written again', { service: name, lost });
    else
      log.error('INIT_LOG_LOST', 'log file cannot be written, lines stay in memory', {
        service: name,
        reason: error.message,
      });
  }
}

// `logs` of caisson.yaml: one file of its owner's choice for events of the shim, last words and the console, as log lines (docs/wire/log.md). Lines of
// services are not in it: they come only over an operator's session, and a shim has no operator's key.
import { isAsGrave, type LogLevel, logLineOf, plain } from '@caisson/core/log';
import { BoundedFile } from './bounded-file.ts';
import type { ShimEvent } from './client-interface.ts';

export interface LogFileOptions {
  readonly path: string;
  readonly enclave: string;
  /** Lines below this level are left out. Console lines without a level count as `info`, last words as `warn`. */
  readonly level: LogLevel;
  /** Unix milliseconds. */
  date(): number;
  /** Called once when writing fails. */
  onTrouble(error: Error): void;
}

// Chosen.
const maxFileBytes = 8 << 20;
const maxLineCharacters = 8_192;

export class LogFile {
  readonly #options: LogFileOptions;
  readonly #file: BoundedFile;
  readonly #decoder = new TextDecoder();
  #rest = '';
  #isTelling = false;

  constructor(options: LogFileOptions) {
    this.#options = options;
    const onTrouble = (error: Error | undefined): void => {
      if (error === undefined) return;
      // The listener adds an event, and events are written to this file: without the flag a fault would call itself.
      this.#isTelling = true;
      options.onTrouble(error);
      this.#isTelling = false;
    };
    this.#file = new BoundedFile({ path: options.path, maxBytes: maxFileBytes, isOfLines: true, onTrouble });
  }

  /** Creates the file, so that somebody can already follow it. */
  begin(): void {
    this.#file.append(new Uint8Array());
  }

  event({ time, level, code, message, enclave, fields }: ShimEvent): void {
    this.#write(level, { time, level, code, message, enclave, fields });
  }

  words(service: string, lines: readonly string[]): void {
    for (const line of lines) this.#say('warn', 'LAST_WORDS', line, service);
  }

  /** Takes bytes as they come, and writes each line when it is complete. */
  console(piece: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(piece, { stream: true })).split(/\r?\n/);
    this.#rest = lines.pop()?.slice(-maxLineCharacters) ?? '';
    for (const line of lines) this.#sayConsole(line);
  }

  /** Writes the rest of an incomplete line when the boot is over. */
  endConsole(): void {
    this.#sayConsole(this.#rest);
    this.#rest = '';
  }

  close(): void {
    this.#file.close();
  }

  #sayConsole(line: string): void {
    if (line.trim() === '') return;
    const record = logLineOf(line);
    if (record === undefined) this.#say('info', 'CONSOLE_LINE', line, 'console');
    else this.#say(record.level, record.code, record.message, 'console', record.time);
  }

  #say(level: LogLevel, code: string, message: string, service: string, time?: string): void {
    const { enclave, date } = this.#options;
    this.#write(level, {
      time: time ?? new Date(date()).toISOString(),
      level,
      code: plain(code.slice(0, maxLineCharacters)),
      message: plain(message.slice(0, maxLineCharacters)),
      enclave,
      service: plain(service),
    });
  }

  #write(level: LogLevel, line: object): void {
    if (this.#isTelling || !isAsGrave(level, this.#options.level)) return;
    this.#file.append(Buffer.from(`${JSON.stringify(line)}\n`));
  }
}

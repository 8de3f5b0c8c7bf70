// `logs` of caisson.yaml: what this host has to say of an enclave and what the enclave lets out, in one file of its owner's choice, as log lines (wire.md
// 10): events of the shim, last words, the console. Lines of services come over an operator's session alone, whose key no shim has.
import { isAsGrave, type LogLevel, logLineOf, plain } from '@caisson/core/log';
import { BoundedFile } from './bounded-file.ts';
import type { ShimEvent } from './client-interface.ts';

export interface LogFileOptions {
  readonly path: string;
  readonly enclave: string;
  /** What is less grave is left out. Words that say nothing of it count as `info`, last words as `warn`. */
  readonly level: LogLevel;
  /** Unix milliseconds. */
  date(): number;
  /** Once when writing fails. */
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
      // What is said of it is an event, which would come here.
      this.#isTelling = true;
      options.onTrouble(error);
      this.#isTelling = false;
    };
    this.#file = new BoundedFile({ path: options.path, maxBytes: maxFileBytes, onTrouble });
  }

  /** Makes it, so that whoever waits for lines has something to follow. */
  begin(): void {
    this.#file.append(new Uint8Array());
  }

  event({ time, level, code, message, enclave, fields }: ShimEvent): void {
    this.#write(level, { time, level, code, message, enclave, fields });
  }

  words(service: string, lines: readonly string[]): void {
    for (const line of lines) this.#say('warn', 'LAST_WORDS', line, service);
  }

  /** Bytes as they come; a line is written when it is whole. */
  console(piece: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(piece, { stream: true })).split(/\r?\n/);
    this.#rest = lines.pop()?.slice(-maxLineCharacters) ?? '';
    for (const line of lines) this.#sayConsole(line);
  }

  /** Of one boot. */
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

// One output of a command on its way to the operator: read only as fast as he takes it, so that the command waits and nothing is kept.
import type { Readable } from 'node:stream';
import type { RecordWriter } from '../record.ts';

// Chosen: after the command has ended, what it started may hold its output open for ever; so long nothing may come.
const quietMs = 500;

export class Outlet {
  readonly #stream: Readable;
  readonly #over = Promise.withResolvers<void>();
  #quiet: NodeJS.Timeout | undefined;
  #isFinishing = false;

  constructor(stream: Readable, type: number, writer: RecordWriter, onLost: () => void) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => {
      clearTimeout(this.#quiet);
      writer.put(type, chunk);
      writer.flush();
      stream.pause();
      writer.ready().then(
        () => {
          stream.resume();
          this.#watch();
        },
        () => onLost(),
      );
    });
    // A terminal whose last process has gone fails with EIO: that is its end of file.
    stream.once('error', () => this.#over.resolve());
    stream.once('close', () => this.#over.resolve());
    stream.once('end', () => this.#over.resolve());
  }

  /** The command has ended. Resolves when all that it wrote was handed on. */
  finish(): Promise<void> {
    this.#isFinishing = true;
    this.#watch();
    return this.#over.promise;
  }

  close(): void {
    clearTimeout(this.#quiet);
    this.#stream.destroy();
    this.#over.resolve();
  }

  #watch(): void {
    clearTimeout(this.#quiet);
    if (!this.#isFinishing || this.#stream.isPaused()) return;
    this.#quiet = setTimeout(() => this.close(), quietMs);
    void this.#over.promise.then(() => clearTimeout(this.#quiet));
  }
}

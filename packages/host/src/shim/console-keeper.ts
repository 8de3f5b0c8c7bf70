// The console of one boot: written to `console.log`, and given to every reader, first what the backend still remembers and then what comes.
import type { EnclaveConsole } from '../backend/index.ts';
import type { BoundedFile } from './bounded-file.ts';
import type { LogFile } from './log-file.ts';

// Chosen: a slow reader loses the oldest bytes beyond this; the enclave never waits for one.
const maxBehindBytes = 1 << 20;
const keptBytes = maxBehindBytes / 2;
const maxPieces = 1_024;

export class ConsoleKeeper {
  readonly #console: EnclaveConsole;
  readonly #logFile: LogFile | undefined;
  readonly #stop: () => void;
  readonly #over = Promise.withResolvers<void>();
  #isOver = false;

  constructor(console: EnclaveConsole, file: BoundedFile, logFile?: LogFile) {
    this.#console = console;
    this.#logFile = logFile;
    const keep = (piece: Uint8Array): void => {
      file.append(piece);
      logFile?.console(piece);
    };
    keep(console.bytes);
    this.#stop = console.listen(keep);
  }

  async *read({
    follow,
    signal,
  }: {
    readonly follow: boolean;
    readonly signal: AbortSignal;
  }): AsyncGenerator<Uint8Array> {
    const pieces: Uint8Array[] = [this.#console.bytes];
    let wake = Promise.withResolvers<void>();
    let behindBytes = 0;
    const stop = this.#console.listen((piece) => {
      behindBytes += piece.length;
      pieces.push(Uint8Array.from(piece));
      if (behindBytes > maxBehindBytes || pieces.length > maxPieces) {
        // To less than the bound: an enclave that writes byte by byte must not cost a copy of it all for each.
        const kept = Buffer.concat(pieces).subarray(behindBytes > maxBehindBytes ? -keptBytes : 0);
        pieces.splice(0, pieces.length, kept);
        behindBytes = kept.length;
      }
      wake.resolve();
    });
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    try {
      for (;;) {
        for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
          behindBytes = Math.max(0, behindBytes - piece.length);
          if (piece.length > 0) yield piece;
        }
        if (!follow || this.#isOver || signal.aborted) return;
        wake = Promise.withResolvers<void>();
        if (pieces.length === 0) await Promise.race([wake.promise, this.#over.promise, aborted]);
      }
    } finally {
      stop();
    }
  }

  close(): void {
    this.#stop();
    this.#logFile?.endConsole();
    this.#isOver = true;
    this.#over.resolve();
  }
}

// The program inside this process: a command line, surroundings of the test's own, and what was said to them.
import { Readable, Writable } from 'node:stream';

/** What a command may touch, as the program's own `Surroundings` have it. */
export interface HeardSurroundings {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly name: string;
  readonly stop: AbortSignal;
  onReload(listener: () => void): void;
}

export interface HearOptions {
  /** Default none. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default `caisson`. */
  readonly name?: string;
  /** Text and bytes end; a stream is the test's own. Default nothing. */
  readonly stdin?: string | Uint8Array | Readable;
  /** What goes there is not heard. */
  readonly stdout?: Writable;
  readonly stop?: AbortSignal;
}

export interface Heard {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function hear(
  run: (words: readonly string[], surroundings: HeardSurroundings) => Promise<number>,
  words: readonly string[],
  options: HearOptions = {},
): Promise<Heard> {
  const { env = {}, name = 'caisson', stdin = '', stop = new AbortController().signal } = options;
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  const code = await run(words, {
    env,
    name,
    stop,
    onReload: () => {},
    stdin: stdin instanceof Readable ? stdin : Readable.from(stdin.length === 0 ? [] : [Buffer.from(stdin)]),
    stdout: options.stdout ?? collect(out),
    stderr: collect(err),
  });
  return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
}

/** Takes at once what is written, so that no command waits for a reader. */
function collect(into: Buffer[]): Writable {
  return new Writable({
    write(piece: Buffer, _encoding, done) {
      into.push(piece);
      done();
    },
  });
}

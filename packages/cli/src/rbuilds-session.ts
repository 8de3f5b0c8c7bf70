// rbuilds on a terminal, in a pipe, and by --cmd: one session, lines from wherever. An error ends a pipe and a --cmd with 1; at a terminal it is
// said, and the prompt comes back.
import { closeSync, openSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { ReadStream, WriteStream } from 'node:tty';
import { CaissonError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { RbuildsSession, RbuildsWorld, Stages } from '@caisson/host/rbuilds';
import { endedCode } from './ended-by.ts';
import { EXIT_FAILED, EXIT_OK, UsageError } from './exit-code.ts';
import { harmlessText } from './harmless.ts';
import { createLineReader, type LineReader } from './line-reader.ts';
import { openRbuildsEnclaves } from './rbuilds-enclaves.ts';
import type { Surroundings } from './surroundings.ts';
import { version } from './version.ts';

/** Tests bring their own. */
export interface RbuildsPlace {
  readonly stages?: Stages;
  readonly folder?: string;
  readonly machineRoot?: string;
  readonly openTerminal?: () => Terminal;
}

export interface Terminal {
  readonly input: Readable;
  readonly output: Writable;
}

/** Throws UsageError for a wrong command line. */
export async function runRbuilds(
  words: readonly string[],
  surroundings: Surroundings,
  place: RbuildsPlace = {},
): Promise<number> {
  const { createRbuildsSession, parseRbuildsWords, RBUILDS_STAGES } = await import('@caisson/host/rbuilds');
  const { stdout, stderr, env, stop } = surroundings;
  if (words.length === 1 && (words[0] === '--version' || words[0] === '-V')) {
    stdout.write(`${version}\n`);
    return EXIT_OK;
  }
  const order = parsed(() => parseRbuildsWords(words));
  const doors = createDoors(surroundings, place.openTerminal ?? openTerminal);
  const world: RbuildsWorld = {
    folder: place.folder ?? process.cwd(),
    env,
    stop,
    builderVersion: version,
    ...(place.machineRoot !== undefined && { machineRoot: place.machineRoot }),
    say: (line) => void doors.output().write(`${line.split('\n').map(plain).join('\n')}\n`),
    async ask(question) {
      doors.output().write(`${question} [y/N] `);
      return /^y(?:es)?$/i.test(((await doors.lines().next(stop)) ?? '').trim());
    },
    openEnclaves: (say) => openRbuildsEnclaves(surroundings, say),
  };
  for (const note of order.notes) stderr.write(`rbuilds: ${note}\n`);
  const stages = place.stages ?? RBUILDS_STAGES;
  try {
    for (const { line, settings } of order.steps) {
      const session = createRbuildsSession(settings, stages, world);
      doors.follow(session);
      const ended = await runLine(session, line, stderr, stop);
      if (ended === 'failed') return EXIT_FAILED;
    }
    if (order.steps.length > 0) return EXIT_OK;
    return await readCommands(createRbuildsSession(order.settings, stages, world), doors, stderr, world);
  } catch (error) {
    if (!stop.aborted) throw error;
    return endedCode(stop);
  } finally {
    doors.close();
  }
}

async function readCommands(
  session: RbuildsSession,
  doors: Doors,
  stderr: Writable,
  { folder, stop }: RbuildsWorld,
): Promise<number> {
  let code = EXIT_OK;
  for (;;) {
    doors.follow(session);
    if (doors.isTerminal()) doors.output().write(`${userInfo().username}@${hostname()}:${plain(folder)} $> `);
    const line = await doors.lines().next(stop);
    if (line === undefined) return code;
    const ended = await runLine(session, line, stderr, stop);
    if (ended === 'end') return code;
    code = ended === 'failed' ? EXIT_FAILED : EXIT_OK;
    if (ended === 'failed' && !doors.isTerminal()) return code;
  }
}

async function runLine(
  session: RbuildsSession,
  line: string,
  stderr: Writable,
  stop: AbortSignal,
): Promise<'done' | 'end' | 'failed'> {
  try {
    return await session.run(line);
  } catch (error) {
    if (stop.aborted) throw error;
    stderr.write(`rbuilds: ${harmlessText(error instanceof Error ? error.message : String(error))}\n`);
    const hint = (await import('@caisson/host/explain')).hintOfError(error);
    if (hint !== undefined) stderr.write(`  hint: ${harmlessText(hint)}\n`);
    if (session.settings.debug) for (const one of causes(error)) stderr.write(`  ${one.stack ?? one.message}\n`);
    return 'failed';
  }
}

function* causes(error: unknown): Generator<Error> {
  for (let one = error; one instanceof Error; one = one.cause) yield one;
}

/** Where lines come from and words go to: the process's streams, or the terminal while --tty or the toggle says so. */
interface Doors {
  lines(): LineReader;
  output(): Writable;
  isTerminal(): boolean;
  follow(session: RbuildsSession): void;
  close(): void;
}

function createDoors({ stdin, stdout }: Surroundings, open: () => Terminal): Doors {
  const own = { lines: undefined as LineReader | undefined, output: stdout };
  let terminal: { lines: LineReader; output: Writable } | undefined;
  let session: RbuildsSession | undefined;
  const current = () => {
    if (session?.settings.terminal !== true) return undefined;
    if (terminal === undefined) {
      const { input, output } = open();
      terminal = { lines: createLineReader(input), output };
    }
    return terminal;
  };
  return {
    lines() {
      const terminalLines = current()?.lines;
      if (terminalLines !== undefined) return terminalLines;
      own.lines ??= createLineReader(stdin);
      return own.lines;
    },
    output: () => current()?.output ?? own.output,
    isTerminal: () => current() !== undefined || ('isTTY' in stdin && stdin.isTTY === true),
    follow(one) {
      session = one;
    },
    close() {
      own.lines?.close();
      terminal?.lines.close();
      terminal?.output.end();
    },
  };
}

function openTerminal(): Terminal {
  try {
    const [reading, writing] = [openSync('/dev/tty', 'r'), openSync('/dev/tty', 'w')];
    try {
      return { input: new ReadStream(reading), output: new WriteStream(writing) };
    } catch (error) {
      for (const descriptor of [reading, writing]) closeSync(descriptor);
      throw error;
    }
  } catch (cause) {
    throw new UsageError(
      `--tty needs a terminal, and /dev/tty cannot be opened: ${(cause as NodeJS.ErrnoException).code}`,
    );
  }
}

function parsed<Value>(parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (error instanceof CaissonError && error.code === 'RBUILDS_OPTION')
      throw new UsageError(error.message, error.hint);
    throw error;
  }
}

// A program of the machine: its lines are passed on, its end is waited for, and it does not outlive whoever asked for it.
import { spawn } from 'node:child_process';
import { CaissonError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { RbuildsErrorCode } from './error-code.ts';
import type { RbuildsWorld } from './world.ts';

// Chosen.
const defaultDeadlineMs = 7_200_000;
const maxLineCharacters = 65_536;

export interface RunProgramOptions {
  readonly deadlineMs?: number;
  /** Says nothing of what the program says. */
  readonly isQuiet?: boolean;
}

/** Throws CaissonError RBUILDS_PROGRAM with the last line, after `stop` its reason. */
export async function runProgram(
  program: string,
  words: readonly string[],
  { folder, env, stop, say }: Pick<RbuildsWorld, 'folder' | 'env' | 'stop' | 'say'>,
  { deadlineMs = defaultDeadlineMs, isQuiet = false }: RunProgramOptions = {},
): Promise<void> {
  stop.throwIfAborted();
  let last = '';
  // Not spawn's own timeout, whose timer outlives a program that is not there.
  const deadline = AbortSignal.timeout(deadlineMs);
  const ended = await new Promise<string | undefined>((resolve) => {
    const child = spawn(program, words, {
      cwd: folder,
      env: { ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: AbortSignal.any([stop, deadline]),
      killSignal: 'SIGKILL',
    });
    const hear = (line: string): void => {
      if (line.trim() !== '') last = plain(line.trim());
      if (!isQuiet) say(plain(line));
    };
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        // A program that never ends its line must not fill the memory.
        rest = (lines.pop() ?? '').slice(-maxLineCharacters);
        for (const line of lines) hear(line);
      });
      stream.on('end', () => void (rest !== '' && hear(rest)));
    }
    child.on('error', (error: NodeJS.ErrnoException) => {
      // A killed program is still waited for.
      if (error.name !== 'AbortError') resolve(error.code ?? error.message);
    });
    child.on('close', (code, signal) =>
      resolve(
        code === 0
          ? undefined
          : deadline.aborted
            ? `took longer than ${deadlineMs} ms`
            : `ended with ${code ?? signal}`,
      ),
    );
  });
  stop.throwIfAborted();
  if (ended === undefined) return;
  throw new CaissonError<RbuildsErrorCode>(
    'RBUILDS_PROGRAM',
    `${program} ${plain(words.slice(0, 3).join(' '))} ${ended}${last === '' ? '' : `: ${last.slice(0, 300)}`}`,
  );
}

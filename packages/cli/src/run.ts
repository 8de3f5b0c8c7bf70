// From words to an exit code. The only place that prints an error: one fact on stderr, then advice where there is some. A message may repeat what an
// enclave, a file or a name said, and nothing of it steers a terminal.
import { CaissonError } from '@caisson/core/errors';
import { CommanderError } from 'commander';
import { endedCode } from './ended-by.ts';
import { EXIT_FAILED, exitCodeOf, UsageError } from './exit-code.ts';
import { harmlessText } from './harmless.ts';
import { createProgram, isSingleCommand, usageExitOf } from './program.ts';
import type { Surroundings } from './surroundings.ts';

/** Runs one command line (without interpreter and script) and resolves with the exit code; never rejects. */
export async function run(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const program = createProgram(surroundings);
  const line = isSingleCommand(surroundings.name) ? [surroundings.name, ...words] : words;
  try {
    await program.parseAsync(line, { from: 'user' });
    return program.exitCode;
  } catch (error) {
    return reported(error, surroundings);
  }
}

function reported(error: unknown, { name, stderr, env, stop }: Surroundings): number {
  const ours = name === 'caisson';
  // What was asked to stop and did so at once rejects with the name of the signal: how it ended, and nothing to report.
  if (stop.aborted && error === stop.reason) return endedCode(stop);
  // commander has already printed its own errors and the help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitOf(name);
  if (error instanceof CaissonError) {
    stderr.write(`${name}: ${harmlessText(error.message)}\n`);
    if (error.hint !== undefined && ours) stderr.write(`  hint: ${harmlessText(error.hint)}\n`);
  } else if (error instanceof Error && 'code' in error) {
    stderr.write(`${name}: ${harmlessText(error.message)}\n`);
  } else {
    stderr.write(`${name}: internal error: ${harmlessText(error instanceof Error ? error.message : String(error))}\n`);
  }
  if (env['LOG_LEVEL'] === 'debug' || env['LOG_LEVEL'] === 'trace') {
    stderr.write(`${error instanceof Error ? harmlessText(error.stack ?? '') : ''}\n`);
  }
  if (error instanceof UsageError) return usageExitOf(name);
  return ours ? exitCodeOf(error) : EXIT_FAILED;
}

// The only place that prints an error: one fact on stderr, then one line of advice: the error's own, that of its code, or where the words of the command
// stand. A message may repeat what an enclave, a file or a name said, and nothing of it steers a terminal. An old name prints what that tool printed.
import { CaissonError } from '@caisson/core/errors';
import { CommanderError } from 'commander';
import { endedCode } from './ended-by.ts';
import { EXIT_FAILED, exitCodeOf, UsageError } from './exit-code.ts';
import { harmlessText } from './harmless.ts';
import { usageExitOf } from './program.ts';
import { sourceStack } from './source-stack.ts';
import type { Surroundings } from './surroundings.ts';

/** Resolves with the exit code. `askedCommand`: `caisson attest verify`. */
export async function reportError(
  error: unknown,
  { name, stderr, env, stop }: Pick<Surroundings, 'name' | 'stderr' | 'env' | 'stop'>,
  askedCommand: () => string,
): Promise<number> {
  const ours = name === 'caisson';
  // Work that a signal stopped rejects with the reason of that signal: the exit code says it, and there is nothing to report.
  if (stop.aborted && error === stop.reason) return endedCode(stop);
  if (error instanceof CommanderError && (error.exitCode === 0 || error.code === 'commander.help'))
    return error.exitCode === 0 ? 0 : usageExitOf(name);
  // commander has already printed its own errors.
  if (!(error instanceof CommanderError)) stderr.write(`${name}: ${harmlessText(factOf(error))}\n`);
  if (ours) stderr.write(`  hint: ${harmlessText(await hintOf(error, askedCommand))}\n`);
  if (error instanceof CommanderError) return usageExitOf(name);
  if (env['LOG_LEVEL'] === 'debug' || env['LOG_LEVEL'] === 'trace') {
    stderr.write(`${error instanceof Error ? harmlessText(sourceStack(error)) : ''}\n`);
  }
  if (error instanceof UsageError) return usageExitOf(name);
  return ours ? exitCodeOf(error) : EXIT_FAILED;
}

function factOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const isTold = error instanceof CaissonError || (error instanceof Error && 'code' in error);
  return isTold ? message : `internal error: ${message}`;
}

async function hintOf(error: unknown, askedCommand: () => string): Promise<string> {
  if (error instanceof CommanderError) return `${askedCommand()} --help`;
  if (error instanceof UsageError) return error.hint ?? `${askedCommand()} --help`;
  const { hintOfError } = await import('@caisson/host/explain');
  return hintOfError(error) ?? 'LOG_LEVEL=debug adds where it came from';
}

// From words to an exit code.
import type { Command } from 'commander';
import { createProgram, isSingleCommand } from './program.ts';
import { reportError } from './report-error.ts';
import type { Surroundings } from './surroundings.ts';

/** Runs one command line (without interpreter and script) and resolves with the exit code; never rejects. */
export async function run(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const program = await createProgram(surroundings, words);
  const line = isSingleCommand(surroundings.name) ? [surroundings.name, ...words] : words;
  try {
    await program.parseAsync(line, { from: 'user' });
    return program.exitCode;
  } catch (error) {
    return await reportError(error, surroundings, () => askedCommand(program, words));
  }
}

/** As far as the words name one: `caisson attest verify`. */
function askedCommand(program: Command, words: readonly string[]): string {
  const names = [program.name()];
  let at = program;
  for (const word of words) {
    const next = at.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (next === undefined) break;
    names.push(next.name());
    at = next;
  }
  return names.join(' ');
}

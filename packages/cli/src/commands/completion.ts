// `caisson completion`: a script for a shell, which asks `caisson __names` for the names of enclaves.
import { UsageError } from '../exit-code.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const { stdout } = surroundings;
  program
    .command('completion <shell>')
    .description('print a completion script for bash, zsh or fish')
    .action(async (word: string) => {
      const { COMPLETION_SHELLS, renderCompletion } = await import('../completion-script.ts');
      const { readCompletionPlaces } = await import('../completion-model.ts');
      const shell = COMPLETION_SHELLS.find((one) => one === word);
      if (shell === undefined)
        throw new UsageError(`completion is for ${COMPLETION_SHELLS.join(', ')}, got ${JSON.stringify(word)}`);
      // The tree that this is in may be of this command alone.
      const { createProgram } = await import('../program.ts');
      stdout.write(renderCompletion(shell, readCompletionPlaces(await createProgram(surroundings))));
    });
};

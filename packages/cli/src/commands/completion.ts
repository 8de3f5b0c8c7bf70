// `caisson completion`: a script for a shell; and the names of enclaves that such a script asks for.
import type { Command } from 'commander';
import { UsageError } from '../exit-code.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const { stdout } = surroundings;
  program
    .command('completion <shell>')
    .description('print a completion script for bash, zsh or fish')
    .action(async (word: string, _: object, command: Command) => {
      const { COMPLETION_SHELLS, renderCompletion } = await import('../completion-script.ts');
      const { readCompletionPlaces } = await import('../completion-model.ts');
      const shell = COMPLETION_SHELLS.find((one) => one === word);
      if (shell === undefined)
        throw new UsageError(`completion is for ${COMPLETION_SHELLS.join(', ')}, got ${JSON.stringify(word)}`);
      stdout.write(renderCompletion(shell, readCompletionPlaces(command.parent ?? program)));
    });
  program.command('__names', { hidden: true }).action(async () => {
    const { stateFolder } = await import('@caisson/host/file');
    const { listRecords } = await import('@caisson/host/record');
    // What cannot be read is no reason for words in the middle of somebody's typing.
    const records = await listRecords(stateFolder(surroundings.env)).catch(() => []);
    for (const { name } of records) stdout.write(`${name}\n`);
  });
};

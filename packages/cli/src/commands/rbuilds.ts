// `rbuilds`: the stages of an enclave image by the words that its users know. It reads its own words: -?? and -rn are options there, and the
// order of options counts.
import { withExitAction } from '../exit-action.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const register: RegisterCommand = (program, surroundings) => {
  // Every word after the name is the tool's own, --help too.
  program.enablePositionalOptions();
  const command = program
    .command('rbuilds')
    .description('kernel, PID 1, programs and image in stages; rbuilds --help lists the options, help the commands')
    .usage('[options] [FILE.dockerfile] [--cmd LINE]')
    .argument('[words...]', 'docs/rbuilds.md; without --cmd a shell that reads commands from standard input')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions();
  withExitAction(command, async (words: readonly string[]) => {
    const { runRbuilds } = await import('../rbuilds-session.ts');
    return runRbuilds(words, surroundings);
  });
};

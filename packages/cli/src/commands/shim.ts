// `caisson shim`: the process that keeps one enclave (docs/shim.md). Started by up, run and restart, never by hand, and so not shown.
import { withExitAction } from '../exit-action.ts';
import type { ShimFlags } from '../shim-words.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('shim <name>', { hidden: true })
    .description('keep one enclave: what up, run and restart start')
    .option('--tell <fd>', 'write one line of JSON there: it is up, or why not')
    .option('--end', 'end what a killed shim has left, and start nothing');
  withExitAction(command, async (name: string, flags: ShimFlags) => {
    const { keepEnclave } = await import('../shim-process.ts');
    return await keepEnclave(name, flags, surroundings);
  });
};

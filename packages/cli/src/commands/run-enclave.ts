// `caisson run-enclave`: nitro-cli's verb, flags and JSON (docs/nitro-cli.md).
import { withExitAction } from '../exit-action.ts';
import type { RunEnclaveFlags } from '../nitro-run-words.ts';
import { openNitroVerbs, underNitroVerb } from '../nitro-verb-session.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('run-enclave')
    .description('start an enclave as nitro-cli does, with its flags, its JSON and its exit codes')
    .option('--eif-path <file>', 'the image')
    .option('--cpu-count <count>', 'how many processors')
    .option('--cpu-ids <ids...>', 'which processors')
    .option('--memory <MiB>', 'how much memory')
    .option('--enclave-cid <cid>', 'default: the next that is free')
    .option('--enclave-name <name>', 'default: the name of the file')
    .option('--debug-mode', 'with a console; on hardware its PCRs are zero')
    .option('--attach-console', 'with --debug-mode: show the console until it ends')
    .option('--config <file>', 'the same as JSON, instead of flags')
    .option('--backend <kind>', 'auto, nitro, qemu or sim; auto is hardware where it is there', 'auto');
  withExitAction(command, async (flags: RunEnclaveFlags) => {
    const { startEnclave } = await import('../nitro-run.ts');
    return await underNitroVerb(surroundings, 'start', () => startEnclave(flags, surroundings, openNitroVerbs));
  });
};

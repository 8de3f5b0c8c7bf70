// `caisson terminate-enclave`: nitro-cli's verb, flags and JSON (docs/nitro-cli.md).
import { withExitAction } from '../exit-action.ts';
import { jsonText } from '../json-text.ts';
import { readQuery } from '../nitro-query.ts';
import { openNitroVerbs, underNitroVerb } from '../nitro-verb-session.ts';
import type { RegisterCommand } from '../surroundings.ts';

interface Flags {
  readonly enclaveId?: string;
  readonly enclaveName?: string;
  readonly all?: true;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('terminate-enclave')
    .description('end an enclave as nitro-cli does, with its flags and its JSON')
    .option('--enclave-id <id>', 'the one that has this id')
    .option('--enclave-name <name>', 'the one that has this name')
    .option('--all', 'all of them, also those of others');
  withExitAction(command, async (flags: Flags) => {
    const { stdout, stderr } = surroundings;
    return await underNitroVerb(surroundings, 'other', async () => {
      const { terminateEnclaves } = await import('@caisson/host/nitro-verb');
      const query = await readQuery('terminate-enclave', flags);
      const world = await openNitroVerbs(surroundings, (line) => void stderr.write(`${line}\n`));
      const ended = await terminateEnclaves(world, query);
      for (const { EnclaveID } of ended) stderr.write(`Successfully terminated enclave ${EnclaveID}.\n`);
      stdout.write(`${jsonText(query.by === 'all' ? ended : ended[0], 2)}\n`);
      return 0;
    });
  });
};

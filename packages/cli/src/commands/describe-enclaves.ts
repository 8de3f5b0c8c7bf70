// `caisson describe-enclaves`: nitro-cli's verb and JSON (docs/nitro-cli.md).
import { withExitAction } from '../exit-action.ts';
import { jsonText } from '../json-text.ts';
import { openNitroVerbs, underNitroVerb } from '../nitro-verb-session.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('describe-enclaves')
    .description('list enclaves as nitro-cli does, with its JSON: those of Caisson and, on a parent, those of others')
    .option('--metadata', 'with what their image files say of themselves');
  withExitAction(command, async ({ metadata }: { readonly metadata?: true }) => {
    const { stdout, stderr } = surroundings;
    return await underNitroVerb(surroundings, 'other', async () => {
      const { describeEnclaves } = await import('@caisson/host/nitro-verb');
      const world = await openNitroVerbs(surroundings, (line) => void stderr.write(`${line}\n`));
      const described = await describeEnclaves(world, { metadata: metadata === true });
      stdout.write(`${jsonText(described, 2)}\n`);
      return 0;
    });
  });
};

// `caisson describe-eif`: nitro-cli's name, flag and JSON (docs/image.md).
import { plain } from '@caisson/core/log';
import { parseMoment, withImage } from '../image-argument.ts';
import { jsonText } from '../json-text.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const register: RegisterCommand = (program, surroundings) => {
  program
    .command('describe-eif')
    .description('describe an image as nitro-cli does, with its JSON')
    .requiredOption('--eif-path <file>', 'the image')
    .action(async ({ eifPath }: { readonly eifPath: string }) => {
      const { stdout, stderr } = surroundings;
      const { describeAsNitroCli, inspectImage } = await import('@caisson/host/image');
      const inspection = await withImage(eifPath, (file) => inspectImage(file, parseMoment(undefined)), surroundings);
      stdout.write(`${jsonText(describeAsNitroCli(inspection), 2)}\n`);
      // nitro-cli has two keys for what can be wrong; the rest is said where no script reads.
      for (const { code, message } of inspection.faults) stderr.write(`warning: ${code}: ${plain(message)}\n`);
    });
};

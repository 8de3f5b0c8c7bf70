// `caisson image measure`: PCR0, PCR1, PCR2 and, of a signed image, PCR8. Only of a sound image whose signature holds.
import { resolveImage } from '../image-argument.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const registerImageMeasure: RegisterCommand = (image, surroundings) => {
  image
    .command('measure <image>')
    .description('print PCR0, PCR1, PCR2, and PCR8 of a signed image; refuses a damaged one')
    .option('--json', 'print one JSON document')
    .action(async (path: string, { json }: { readonly json?: true }) => {
      const { measureImage } = await import('@caisson/host/image');
      const measurements = await measureImage(await resolveImage(path, surroundings));
      const lines = Object.entries(measurements).map(([name, value]) => `${name} ${value}\n`);
      surroundings.stdout.write(json ? `${JSON.stringify({ v: 1, ...measurements })}\n` : lines.join(''));
    });
};

// `caisson image extract`: the sections as files and the ramdisks as folders, in a folder that did not exist.
import { plain } from '@caisson/core/log';
import { withImage } from '../image-argument.ts';
import { jsonText } from '../json-text.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const registerImageExtract: RegisterCommand = (image, surroundings) => {
  image
    .command('extract <image> <dir>')
    .description('take an image apart into a new folder; nothing is ever written outside of it')
    .option('--json', 'print one JSON document')
    .action(async (path: string, folder: string, { json }: { readonly json?: true }) => {
      const { stdout } = surroundings;
      const { createHash } = await import('node:crypto');
      const { readEif } = await import('@caisson/core/eif');
      const { extractImage } = await import('@caisson/host/image');
      const { sections, trees } = await withImage(
        path,
        async (file) => extractImage(file, await readEif(file, () => createHash('sha384')), folder),
        surroundings,
      );
      if (json) {
        stdout.write(`${jsonText({ v: 1, folder, sections, trees })}\n`);
        return;
      }
      for (const name of sections) stdout.write(`${name}\n`);
      for (const { path: tree, files, leftOut } of trees) {
        stdout.write(`${tree}/  ${files} files\n`);
        for (const one of leftOut) stdout.write(`  left out: ${plain(one.path)} (${plain(one.why)})\n`);
      }
    });
};

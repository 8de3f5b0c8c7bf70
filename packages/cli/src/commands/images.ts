// `caisson images`: what is in the local store.

import { imageFacts, openStore, shortId } from '../image-store.ts';
import { jsonText } from '../json-text.ts';
import { sizeText } from '../size-text.ts';
import type { RegisterCommand } from '../surroundings.ts';
import { textTable } from '../text-table.ts';

export const register: RegisterCommand = (program, surroundings) => {
  program
    .command('images')
    .description('list the images of the local store')
    .option('--json', 'print one JSON document')
    .action(async ({ json }: { readonly json?: true }) => {
      const { stdout, stderr } = surroundings;
      const store = await openStore(surroundings);
      const images = await store.list();
      if (json) {
        stdout.write(`${jsonText({ v: 1, images: images.map(imageFacts) })}\n`);
        return;
      }
      if (images.length === 0)
        stderr.write(`no images in ${store.folder}; put one in with: caisson image tag FILE NAME:VERSION\n`);
      const rows = images.flatMap(({ id, tags, size, PCR0, PCR8 }) =>
        (tags.length === 0 ? ['-'] : tags).map((tag) => [
          tag,
          shortId(id),
          sizeText(size),
          `${PCR0.slice(0, 16)}…`,
          PCR8 === undefined ? 'unsigned' : 'signed',
        ]),
      );
      if (rows.length > 0) stdout.write(textTable([['NAME', 'ID', 'SIZE', 'PCR0', 'SIGNED'], ...rows]));
    });
};

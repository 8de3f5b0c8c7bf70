// `caisson image tag`: give an image a name in the local store; a file is copied into it first.
import { existsSync } from 'node:fs';
import { imageFacts, openStore, shortId } from '../image-store.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const registerImageTag: RegisterCommand = (image, surroundings) => {
  image
    .command('tag <image> <name:version>')
    .description('name an image of the local store, or put a file into it under a name')
    .option('--json', 'print one JSON document')
    .action(async (text: string, name: string, { json }: { readonly json?: true }) => {
      const { stdout, stderr } = surroundings;
      const { parseImageTag } = await import('@caisson/host/store');
      const tag = parseImageTag(name);
      const store = await openStore(surroundings);
      const stored = existsSync(text) ? await store.add(text, name) : await store.tag(text, name);
      if (json) stdout.write(`${JSON.stringify({ v: 1, image: imageFacts(stored) })}\n`);
      else stdout.write(`${name} is ${shortId(stored.id)}, PCR0 ${stored.PCR0}\n`);
      const { imageName, imageVersion } = stored;
      if (imageName !== tag.name || imageVersion !== tag.version) {
        stderr.write(
          `note: the image calls itself ${imageName ?? 'nothing'}:${imageVersion ?? 'nothing'}; \`caisson build -o FILE -t ${name}\` writes the name into it\n`,
        );
      }
    });
};

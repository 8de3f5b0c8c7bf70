// `caisson image rm`: drop a name, and with the last name the image.
import { openStore, shortId } from '../image-store.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const registerImageRm: RegisterCommand = (image, surroundings) => {
  image
    .command('rm <image...>')
    .description('drop names of the local store, and images with their last name; an id drops the image')
    .option('--json', 'print one JSON document')
    .action(async (references: readonly string[], { json }: { readonly json?: true }) => {
      const store = await openStore(surroundings);
      const removed: { untagged: readonly string[]; deleted: string | null }[] = [];
      for (const reference of references) {
        const { untagged, deleted } = await store.remove(reference);
        removed.push({ untagged, deleted: deleted ?? null });
        if (json) continue;
        for (const tag of untagged) surroundings.stdout.write(`untagged ${tag}\n`);
        if (deleted !== undefined) surroundings.stdout.write(`deleted ${shortId(deleted)}\n`);
      }
      if (json) surroundings.stdout.write(`${JSON.stringify({ v: 1, removed })}\n`);
    });
};

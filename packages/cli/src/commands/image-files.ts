// `caisson image files`: every entry of every ramdisk, with mode, size and SHA-384, in the order of the archive.
import { plain } from '@caisson/core/log';
import type { ListedFile } from '@caisson/host/image';
import { withImage } from '../image-argument.ts';
import { jsonText } from '../json-text.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const registerImageFiles: RegisterCommand = (image, surroundings) => {
  image
    .command('files <image>')
    .description('list what is in the ramdisks: number, kind, mode, owner, size, SHA-384 and path')
    .option('--json', 'print one JSON document')
    .action(async (path: string, { json }: { readonly json?: true }) => {
      const { createHash } = await import('node:crypto');
      const { readEif } = await import('@caisson/core/eif');
      const { listImageFiles } = await import('@caisson/host/image');
      const { stdout } = surroundings;
      const files: ListedFile[] = [];
      await withImage(
        path,
        async (file) => {
          const { sections } = await readEif(file, () => createHash('sha384'));
          for await (const one of listImageFiles(file, sections)) {
            if (json) files.push(one);
            else stdout.write(`${line(one)}\n`);
          }
          await file.requireUnchanged();
        },
        surroundings,
      );
      if (json) stdout.write(`${jsonText({ v: 1, files })}\n`);
    });
};

function line({ ramdisk, path, kind, mode, uid, gid, size, sha384, target, device, fault }: ListedFile): string {
  const what = sha384 ?? (device === undefined ? '-' : `device ${device}`);
  const tail = target === undefined ? '' : ` -> ${plain(target)}`;
  const mark = fault === undefined ? '' : `  FAULT: ${plain(fault)}`;
  return `${ramdisk} ${kind.padEnd(9)} ${mode} ${uid}:${gid} ${String(size).padStart(10)} ${what} ${plain(path)}${tail}${mark}`;
}

// An image file of a few hundred bytes that says of itself what a test wants, for whoever only reads images.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { toUtf8 } from '@caisson/core/bytes';
import { type CpioEntry, createCpio } from '@caisson/core/cpio';
import { planEif } from '@caisson/core/eif';
import { writeMeasuredImage } from '@caisson/core/measured';
import { type ImageChanges, measuredImage } from './image.ts';

/** `changes` undefined: of another builder, which says nothing. */
export async function writeMeasuredEif(path: string, changes: ImageChanges | undefined, kernel = 'K'): Promise<void> {
  const file = (name: string, content: Uint8Array): CpioEntry => ({ path: name, kind: 'file', mode: 0o644, content });
  const folders = ['rootfs', 'rootfs/etc', 'rootfs/etc/caisson'].map((name): CpioEntry => {
    return { path: name, kind: 'directory', mode: 0o755 };
  });
  const image = changes === undefined ? undefined : measuredImage(changes);
  const boot =
    image === undefined
      ? [file('init', toUtf8('x'))]
      : [file('profile', toUtf8(`${image.profile}\n`)), file('supervisor', toUtf8('x\n'))];
  const application =
    image === undefined
      ? [file('cmd', toUtf8('x\n'))]
      : [
          ...folders,
          file('rootfs/etc/caisson/image.json', writeMeasuredImage(image)),
          ...operatorsOf(image.components),
        ];
  const planned = await planEif(
    {
      ...({ architecture: 'x86_64', kernel: toUtf8(kernel), cmdline: 'quiet' } as const),
      metadata: { ImageName: 'tiny', ImageVersion: '0' },
      ramdisks: [await joined(createCpio(boot).open()), await joined(createCpio(application).open())],
    },
    () => createHash('sha384'),
  );
  writeFileSync(path, await joined(planned.open()));

  function operatorsOf(components: readonly string[]): CpioEntry[] {
    const none = { v: 1, rootKey: null, threshold: 1, operators: [] };
    return components.includes('control')
      ? [file('rootfs/etc/caisson/operators.json', toUtf8(JSON.stringify(none)))]
      : [];
  }
}

async function joined(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece.slice());
  return Buffer.concat(parts);
}

// What a simulation refuses of an image before it unpacks one byte, and what it takes the image for.
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type CpioEntry, createCpio } from '@caisson/core/cpio';
import { planEif } from '@caisson/core/eif';
import { openImageFile } from '../image/index.ts';
import { measureOnce } from './measure-once.ts';
import { readImage } from './read-image.ts';
import { hidesOf } from './stage.ts';

const file = (path: string, text: string): CpioEntry => ({
  path,
  kind: 'file',
  mode: 0o755,
  content: Buffer.from(text),
});
const rootfs: CpioEntry = { path: 'rootfs', kind: 'directory', mode: 0o755 };
const init = file('init', 'caisson-init: ');

async function readOf(context: TestContext, entries: readonly CpioEntry[], maxBytes = 1 << 20) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-read-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const image = { architecture: 'x86_64', kernel: Buffer.from('k'), cmdline: 'c', metadata: {} } as const;
  const ramdisks = [createCpio(entries), createCpio([rootfs])];
  const planned = await planEif({ ...image, ramdisks }, () => createHash('sha384'));
  const pieces: Uint8Array[] = [];
  for await (const piece of planned.open()) pieces.push(piece.slice());
  writeFileSync(join(folder, 'image.eif'), Buffer.concat(pieces));
  const opened = await openImageFile(join(folder, 'image.eif'));
  context.after(() => opened.close());
  return await readImage(opened, (await measureOnce(opened, folder)).ramdisks, maxBytes, hidesOf('folder'));
}

test('only a profile that says development is one: without a word, or with another, an image is of production', async (context) => {
  const profileOf = async (...more: CpioEntry[]) => (await readOf(context, [init, ...more])).profile;
  deepEqual(
    [
      await profileOf(),
      await profileOf(file('profile', 'development')),
      await profileOf(file('profile', 'Development\n')),
      await profileOf(file('profile', 'production\n')),
      await profileOf(file('profile', 'development\n')),
    ],
    ['production', 'production', 'production', 'production', 'development'],
  );
});

test('an image whose first process is not ours, or is none, is refused', async (context) => {
  for (const entries of [[], [file('init', '#!/bin/sh\n')]]) {
    await rejects(readOf(context, entries), { name: 'PolicyError', code: 'BACKEND_IMAGE' });
  }
});

test('an image that does not fit into its memory is refused, counted over all that would be unpacked', async (context) => {
  const [one, two] = [file('rootfs/one', 'x'.repeat(100)), file('rootfs/two', 'y'.repeat(100))];
  const bytes = 200 + 'caisson-init: '.length;
  equal((await readOf(context, [init, rootfs, one, two], bytes)).bytes, bytes);
  await rejects(readOf(context, [init, rootfs, one, two], bytes - 1), { name: 'LimitError', code: 'BACKEND_CAPACITY' });
  await rejects(readOf(context, [init, file('profile', 'x'.repeat(65))]), { code: 'BACKEND_IMAGE' });
});

test('of a boot ramdisk only what PID 1 reads is unpacked', async (context) => {
  const { plan, bytes } = await readOf(context, [init, file('nsm.ko', 'module'), file('cmd', 'a'), rootfs]);
  deepEqual([[...plan.files].sort(), bytes], [['cmd', 'init'], 'caisson-init: a'.length]);
});

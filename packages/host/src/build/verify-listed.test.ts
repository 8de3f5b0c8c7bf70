// The list and the image are held against each other, entry by entry and field by field.
import assert from 'node:assert/strict';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BuildScene, createBuildScene } from '@caisson/testkit/build';
import { buildImage, type Manifest } from './index.ts';
import { verifyListed } from './verify-listed.ts';

type Files = Manifest['files'];

let scene: BuildScene;
let file: FileHandle;
let manifest: Manifest;
before(async () => {
  scene = createBuildScene();
  scene.write({ 'package.json': '{"main":"main.js"}', 'main.js': '1' });
  const output = join(scene.folder, 'app.eif');
  ({ manifest } = await buildImage(scene.plan(), output));
  file = await open(output, 'r');
});
after(async () => {
  await file.close();
  scene.remove();
});

const verify = (files: Files): Promise<void> =>
  verifyListed(
    file,
    manifest.sections.map(({ kind, size }) => ({ kind: kind as 'kernel', size, sha384: new Uint8Array(48) })),
    files,
  );
const changed = (path: string, change: Partial<Files[number]>): Files =>
  manifest.files.map((one) => (one.path === path ? { ...one, ...change } : one));

test('an entry that is not listed fails the build, and so does one that is listed and not there', async () => {
  await verify(manifest.files);
  for (const { ramdisk, path } of manifest.files) {
    await assert.rejects(verify(manifest.files.filter((one) => one.path !== path)), {
      code: 'BUILD_LISTED',
      message: `entry ${JSON.stringify(path)} of ramdisk ${ramdisk} must be listed in the manifest`,
    });
  }
  const more = { ...manifest.files[0]!, path: 'more' };
  await assert.rejects(verify([...manifest.files, more]), /"more" of ramdisk 0 is listed in the manifest, and must be/);
  await assert.rejects(verify([...manifest.files, manifest.files[0]!]), /must list each entry once, got 1 twice/);
});

test('an entry that is listed otherwise than it is fails the build, whatever field it is', async () => {
  const path = 'rootfs/app/main.js';
  const table: [change: Partial<Files[number]>, message: RegExp][] = [
    [{ kind: 'directory' }, /^kind of entry "rootfs\/app\/main.js" of ramdisk 1 must be directory as .* got file$/],
    [{ mode: '4755' }, /^mode of .* must be 4755 as the manifest lists it, got 0644$/],
    [{ uid: 1 }, /^uid of .* got 0$/],
    [{ gid: 1 }, /^gid of .* got 0$/],
    [{ size: 2 }, /^size of .* must be 2 .* got 1$/],
    [{ target: 'x' }, /^target of .* must be x .* got none$/],
    [{ device: '1:3' }, /^device of .* must be 1:3 .* got none$/],
    [{ ramdisk: 0 }, /must be listed in the manifest$/],
  ];
  for (const [change, message] of table) await assert.rejects(verify(changed(path, change)), { message });
  const unhashed = manifest.files.map((one) => {
    const { sha384: _, ...rest } = one;
    return one.path === path ? rest : one;
  });
  await assert.rejects(verify(unhashed), /must be listed with its hashes/);
});

// An image as a folder of this machine: what a mount would hide is not in it, its links lead into it, and whoever made it can remove it.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { toCid } from '@caisson/core/address';
import { type CpioEntry, createCpio } from '@caisson/core/cpio';
import { planEif } from '@caisson/core/eif';
import { openRunFolder } from '../backend/index.ts';
import { openImageFile } from '../image/index.ts';
import { measureOnce } from './measure-once.ts';
import { readImage } from './read-image.ts';
import { removeRoot } from './remove-root.ts';
import { hidesOf, openStage } from './stage.ts';
import { unpackImage } from './unpack.ts';

const file = (path: string, mode = 0o644): CpioEntry => ({ path, kind: 'file', mode, content: Buffer.from(path) });
const folder = (path: string, mode = 0o755): CpioEntry => ({ path, kind: 'directory', mode });
const link = (path: string, target: string): CpioEntry => ({ path, kind: 'symlink', mode: 0o777, target });

async function unpacked(context: TestContext, kind: 'chroot' | 'folder') {
  const state = mkdtempSync(join(tmpdir(), 'caisson-unpack-'));
  context.after(() => rmSync(state, { recursive: true }));
  const boot = createCpio([{ path: 'init', kind: 'file', mode: 0o755, content: Buffer.from('caisson-init: ') }]);
  const application = createCpio([
    ...['rootfs', 'rootfs/bin', 'rootfs/etc', 'rootfs/run', 'rootfs/tmp', 'rootfs/proc'].map((path) => folder(path)),
    ...[folder('rootfs/closed', 0o000), file('rootfs/closed/kept'), file('rootfs/bin/set', 0o6755)],
    ...[file('rootfs/run/hidden'), file('rootfs/tmp/hidden'), file('rootfs/proc/hidden'), file('rootfs/etc/own')],
    ...[link('rootfs/bin/whole', '/etc/own'), link('rootfs/bin/near', '../etc/own')],
  ]);
  const image = { architecture: 'x86_64', kernel: Buffer.from('k'), cmdline: 'c', metadata: {} } as const;
  const planned = await planEif({ ...image, ramdisks: [boot, application] }, () => createHash('sha384'));
  const pieces: Uint8Array[] = [];
  for await (const piece of planned.open()) pieces.push(piece.slice());
  writeFileSync(join(state, 'image.eif'), Buffer.concat(pieces));
  const opened = await openImageFile(join(state, 'image.eif'));
  context.after(() => opened.close());
  const { ramdisks } = await measureOnce(opened, state);
  const run = await openRunFolder(join(state, 's'));
  const stage = await openStage(kind, run, toCid(16));
  const target = join(run.path, '16.root');
  const read = await readImage(opened, ramdisks, 1 << 20, hidesOf(kind));
  await unpackImage(opened, ramdisks, read, { target, stage, instead: new Map() });
  return { target, stage, inside: (path: string) => join(target, 'rootfs', path) };
}

test('what PID 1 would mount over is empty, and the fabric stands where it is looked for', async (context) => {
  const { inside, stage, target } = await unpacked(context, 'folder');
  deepEqual(
    ['run/hidden', 'tmp/hidden', 'proc/hidden', 'run/caisson/fabric/3', 'run/caisson/fabric/16', 'proc'].map((path) =>
      existsSync(inside(path)),
    ),
    [false, false, false, true, true, true],
  );
  equal(stage.fabric, inside('run/caisson/fabric'));
  const modeOf = (path: string): number => statSync(path).mode & 0o7777;
  deepEqual([target, inside('tmp'), inside('run'), stage.fabric].map(modeOf), [0o700, 0o1777, 0o755, 0o700]);
});

test('from a folder absolute links lead into it; shut in they are as in the image', async (context) => {
  const folderOf = await unpacked(context, 'folder');
  equal(readFileSync(folderOf.inside('bin/whole'), 'utf8'), 'rootfs/etc/own');
  deepEqual(
    ['bin/whole', 'bin/near'].map((path) => readlinkSync(folderOf.inside(path))),
    [folderOf.inside('etc/own'), '../etc/own'],
  );
  // Owners are applied there.
  if (process.getuid?.() !== 0) return;
  const shut = await unpacked(context, 'chroot');
  equal(readlinkSync(shut.inside('bin/whole')), '/etc/own');
});

test('nothing on this machine’s disk is set-id, and folders that are closed are removed all the same', async (context) => {
  const { inside, target } = await unpacked(context, 'folder');
  equal(statSync(inside('bin/set')).mode & 0o7777, 0o755);
  equal(readFileSync(inside('closed/kept'), 'utf8'), 'rootfs/closed/kept');
  equal(statSync(inside('closed')).mode & 0o700, 0o700);
  // As one of its programs may have left it.
  chmodSync(inside('closed'), 0);
  await removeRoot(target);
  ok(!existsSync(target));
  await removeRoot(target);
});

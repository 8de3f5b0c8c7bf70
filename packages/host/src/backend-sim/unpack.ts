// Writes the ramdisks of an image where the simulation's first process will find its root. As in taking an image apart, the order is the defence:
// folders and files are made new, no link followed, and links come last, when nothing is written any more; here they may lead anywhere,
// because whoever follows them stands inside, or because they are led back to a root that is told by its path. With `base` every user of the image is
// that many further on, which is himself inside.
import { constants } from 'node:fs';
import { chmod, copyFile, type FileHandle, lchown, mkdir, open, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { StreamedCpioEntry } from '@caisson/core/cpio';
import { CaissonError, PolicyError } from '@caisson/core/errors';
import type { BackendErrorCode } from '../backend/index.ts';
import type { ImageFile } from '../image/index.ts';
import { openRamdisk, type RamdiskPlace, readRamdiskForm } from '../image/ramdisk.ts';
import type { Adaptation } from './adapt.ts';
import { isWanted, type ReadImage } from './read-image.ts';
import type { Stage } from './stage.ts';

export interface UnpackOptions {
  /** The folder to unpack into: nobody else's, and empty except for what the stage made. */
  readonly target: string;
  readonly stage: Omit<Stage, 'fabric' | 'words'>;
  /** What replaces files of the image. */
  readonly instead: Adaptation['instead'];
  readonly signal?: AbortSignal | undefined;
}

interface Owned {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

// Given: CAISSON_SIM_USERS of packages/sys/sim.
const users = 65_536;

/** Throws PolicyError BACKEND_IMAGE for an owner past the range, CaissonError IMAGE_CHANGED, and Node-style errors. */
export async function unpackImage(
  file: ImageFile,
  ramdisks: readonly RamdiskPlace[],
  { plan }: ReadImage,
  { target, stage, instead, signal }: UnpackOptions,
): Promise<void> {
  const { base, root } = stage;
  const at = (path: string): string => join(target, path);
  for (const path of plan.folders) if (!stage.made.includes(path)) await mkdir(at(path), { mode: 0o700 });
  // PID 1 mounts there, and finds the /dev that the simulation has prepared, whether the image has the folder or not.
  const folders = new Set(plan.folders);
  const owned = new Map<string, Owned>(plan.folders.map((path) => [path, { mode: 0o755, uid: 0, gid: 0 }]));
  if (!folders.has('rootfs/dev')) {
    await mkdir(at('rootfs/dev'), { mode: 0o755 });
    owned.set('rootfs/dev', { mode: 0o755, uid: 0, gid: 0 });
  }
  const links: [path: string, target: string, owner: Owned][] = [];
  for (const section of ramdisks) {
    const isPlain = (await readRamdiskForm(file, section)) === 'cpio';
    for await (const entry of openRamdisk(file, section)) {
      signal?.throwIfAborted();
      const { path, kind } = entry;
      if (!isWanted(path, stage) || (kind !== 'file' && kind !== 'directory' && kind !== 'symlink')) continue;
      requirePlanned(file, entry, plan.files.has(path) || owned.has(path) || kind === 'symlink');
      const owner = { mode: entry.mode, ...ownerOf(file, entry, base) };
      if (kind === 'symlink') links.push([path, entry.target!, owner]);
      else owned.set(path, owner);
      if (kind !== 'file' || plan.copies.has(path)) continue;
      const other = instead.get(path);
      if (other === undefined && isPlain) {
        // Copied directly from the file and not through the archive reader, because the runtime alone has a hundred megabytes.
        const from = section.offset + entry.contentOffset;
        await createNew(at(path), (out) => file.copyTo(out, from, entry.size));
      } else if (other === undefined) await writeNew(at(path), entry.content());
      else if ('file' in other) await copyFile(other.file, at(path), constants.COPYFILE_EXCL);
      else await writeNew(at(path), [other.bytes]);
    }
  }
  for (const [path, holder] of plan.copies) await copyFile(at(holder), at(path), constants.COPYFILE_EXCL);
  // Children first, because a folder that is closed to its owner cannot be entered any more without privilege.
  for (const [path, { mode, uid, gid }] of [...owned].reverse()) {
    if (base !== undefined) await lchown(at(path), uid + base, gid + base);
    // On this machine's disk nothing may be set-id, and this user must be able to remove what he has made.
    await chmod(at(path), stage.keepsModes ? mode : (mode & 0o1777) | (folders.has(path) ? 0o700 : 0));
  }
  for (const [path, to, { uid, gid }] of links) {
    const isLed = root !== undefined && to.startsWith('/') && path.startsWith('rootfs/');
    await symlink(isLed ? `${root}${to}` : to, at(path));
    if (base !== undefined) await lchown(at(path), uid + base, gid + base);
  }
}

function ownerOf(
  file: ImageFile,
  { path, uid, gid }: StreamedCpioEntry,
  base: number | undefined,
): { uid: number; gid: number } {
  if (base !== undefined && (uid >= users || gid >= users)) {
    const message = `image ${file.path} must have owners below ${users}, got ${uid}:${gid} of ${JSON.stringify(path)}`;
    throw new PolicyError<BackendErrorCode>('BACKEND_IMAGE', message);
  }
  return { uid, gid };
}

/** The file is read a second time: an entry that was not in the first reading was never checked. */
function requirePlanned(file: ImageFile, { path }: StreamedCpioEntry, isPlanned: boolean): void {
  if (isPlanned) return;
  const message = `image ${file.path} must not change while it is read, got ${JSON.stringify(path)} the second time only`;
  throw new CaissonError('IMAGE_CHANGED', message);
}

async function writeNew(path: string, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  await createNew(path, async (out) => {
    for await (const piece of pieces) await out.writeFile(piece);
  });
}

async function createNew(path: string, write: (out: FileHandle) => Promise<void>): Promise<void> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const out = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await write(out);
  } finally {
    await out.close();
  }
}

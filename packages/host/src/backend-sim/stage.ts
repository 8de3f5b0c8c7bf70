// How the stage of one simulated enclave is set, which is all that a room and a plain process differ in for the backend: what caisson-sim is told,
// where the fabric lies, and how the image is unpacked.
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cid } from '@caisson/core/address';
import { fabricOfCid, pathOfCid, type RunFolder } from '../backend/index.ts';
import { isRoom, type StageKind } from './choose-stage.ts';

export interface StageTerms {
  readonly cid: Cid;
  readonly nsm: string;
  readonly memoryBytes: number;
}

/** Parts of an image that are not unpacked, because a mount hides them. */
export interface Hides {
  /** Folders that exist already and get nothing from the image; `rootfs` contains all of it. */
  readonly made: readonly string[];
  /** Folders of the image that are made and stay empty. */
  readonly hidden: readonly string[];
}

export interface Stage extends Hides {
  /** The folder of the fabric, as the parent sees it. */
  readonly fabric: string;
  /** Offset that is added to users of the image; undefined: owners are not applied. */
  readonly base: number | undefined;
  /** Path of the enclave's `/` on this machine, where programs have to be told it; undefined where they see it as `/`. */
  readonly root: string | undefined;
  /** True if set-id bits are kept and folders may be closed to their owner. */
  readonly keepsModes: boolean;
  /** The command line of caisson-sim. */
  words(terms: StageTerms): readonly string[];
}

// Given: docs/pid1.md, and what it mounts over.
const initPath = '/init';
const roomHides: Hides = { made: [], hidden: ['rootfs/dev'] };
const plainHides: Hides = {
  made: ['rootfs', 'rootfs/run', 'rootfs/tmp'],
  hidden: ['rootfs/dev', 'rootfs/proc', 'rootfs/sys'],
};
const fabricInside = 'rootfs/run/caisson/fabric';
// Given: the users of containers, docs of systemd UIDS-GIDS. Chosen: a range for each of 20,000 CIDs.
const firstUser = 524_288;
const usersOfOne = 65_536;
const ranges = 20_000;

export async function openStage(kind: StageKind, folder: RunFolder, cid: Cid): Promise<Stage> {
  return isRoom(kind) ? await openRoom(kind, folder, cid) : await openPlain(kind, folder, cid);
}

export function hidesOf(kind: StageKind): Hides {
  return isRoom(kind) ? roomHides : plainHides;
}

async function openRoom(kind: StageKind, folder: RunFolder, cid: Cid): Promise<Stage> {
  await mkdir(fabricOfCid(folder, cid), { mode: 0o700 });
  const isRoot = kind === 'room' && process.getuid?.() === 0;
  const base = isRoot ? firstUser + (cid % ranges) * usersOfOne : 0;
  return {
    fabric: folder.fabric,
    base: isRoot ? base : undefined,
    root: undefined,
    ...roomHides,
    keepsModes: true,
    words({ nsm, memoryBytes }) {
      const init = [initPath, '--simulated', '--fabric', '/fabric', '--cid', String(cid)];
      return [folder.fabric, String(cid), nsm, String(base), String(memoryBytes), ...init];
    },
  };
}

/** The fabric lies in the enclave's root, where programs in the chroot can reach it, and so it is this enclave's alone. */
async function openPlain(kind: 'chroot' | 'folder', folder: RunFolder, cid: Cid): Promise<Stage> {
  const target = pathOfCid(folder, cid, 'root');
  const fabric = join(target, fabricInside);
  // Closed to other users of this machine.
  await make(target, 0o700);
  for (const path of ['rootfs', 'rootfs/run', 'rootfs/run/caisson']) await make(join(target, path), 0o755);
  await make(join(target, 'rootfs/tmp'), 0o1777);
  for (const path of [fabric, join(fabric, '3'), join(fabric, String(cid))]) await make(path, 0o700);
  return {
    fabric,
    base: kind === 'chroot' ? 0 : undefined,
    ...plainHides,
    keepsModes: false,
    root: kind === 'folder' ? join(target, 'rootfs') : undefined,
    words({ nsm }) {
      const init = ['caisson-init', '--simulated', '--fabric', fabric, '--cid', String(cid)];
      return ['--plain', kind, target, nsm, ...init];
    },
  };
}

/** Sets the mode regardless of the umask. */
async function make(path: string, mode: number): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  await chmod(path, mode);
}

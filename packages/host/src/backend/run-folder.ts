// Where sockets of running enclaves lie: short, because a socket's path has 107 bytes, and of one user alone. In the state folder where that is
// short enough, else in the folder of temporary files of whoever came first, by a name that follows from it. The state folder says where: TMPDIR is another
// one in another shell, and every process of this user must find the same one.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, lstat, mkdir, readdir, readFile, realpath, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { CaissonError, PolicyError } from '@caisson/core/errors';
import { temporaryBeside } from '../file/index.ts';
import type { BackendErrorCode } from './error-code.ts';

export interface RunFolder {
  readonly path: string;
  /** The state folder, without links. */
  readonly state: string;
  /** The folder of the fabric, with the parent's own folder in it. */
  readonly fabric: string;
}

// Given: a fabric's folder has 85 (link/transport); of a simulation without a room `/4194303.root/rootfs/run/caisson/fabric` follows.
const longestFolderBytes = 46;
// Inner folders first, so that they can be removed in this order.
const ownFolders = ['fabric/3', 'fabric'];
// Given: docs/wire/state.md.
const placeFile = 'run-folder';

/** Makes it, 0700. Throws PolicyError BACKEND_STATE where it is not this user's own, CaissonError BACKEND_STATE where it cannot be made. */
export async function openRunFolder(stateFolder: string): Promise<RunFolder> {
  try {
    await mkdir(stateFolder, { recursive: true, mode: 0o700 });
    const state = await realpath(stateFolder);
    const { path } = await keepPlace(state);
    const fabric = join(path, 'fabric');
    for (const folder of [path, fabric, join(fabric, '3')]) await openOwn(folder);
    return { path, state, fabric };
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    const why = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new CaissonError<BackendErrorCode>('BACKEND_STATE', `cannot use state folder ${stateFolder}: ${why}`, {
      cause,
      hint: 'name another in CAISSON_STATE',
    });
  }
}

interface Place {
  readonly path: string;
  readonly isApart: boolean;
  /** The state folder says so. */
  readonly isKept: boolean;
}

async function placeOf(state: string): Promise<Place> {
  const near = join(state, 'run');
  // A comma ends a value on QEMU's command line and a peer in CAISSON_VSOCK; a line end ends a variable of whoever is told it.
  const isPlain = !/[,\p{Cc}]/u.test(near);
  if (isPlain && Buffer.byteLength(near) <= longestFolderBytes) return { path: near, isApart: false, isKept: false };
  const digest = createHash('sha256').update(state).digest('hex').slice(0, 12);
  const name = `caisson-${process.getuid?.()}-${digest}`;
  const kept = (await readFile(join(state, placeFile), 'utf8').catch(() => '')).trim();
  const isThere = isAbsolute(kept) && basename(kept) === name && existsSync(dirname(kept));
  return { path: isThere ? kept : join(await realpath(tmpdir()), name), isApart: true, isKept: isThere };
}

/** Of two that come first with a TMPDIR of their own, one decides for both. */
async function keepPlace(state: string): Promise<Place> {
  const place = await placeOf(state);
  if (!place.isApart || place.isKept) return place;
  const file = join(state, placeFile);
  const temporary = temporaryBeside(file);
  try {
    await writeFile(temporary, `${place.path}\n`, { flag: 'wx', mode: 0o600 });
    await link(temporary, file).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      // What stands there leads nowhere any more, unless somebody was faster.
      if (!(await placeOf(state)).isKept) await rename(temporary, file);
    });
  } finally {
    await rm(temporary, { force: true });
  }
  return await placeOf(state);
}

/**
 * The path of the run folder, if it lies outside the state folder and is empty. It has to go with the last record: whoever deletes the state folder
 * does not know of it.
 */
export async function findEmptyRunFolder(stateFolder: string): Promise<string | undefined> {
  const state = await realpath(stateFolder).catch(() => undefined);
  if (state === undefined) return undefined;
  const { path, isApart } = await placeOf(state);
  if (!isApart) return undefined;
  const found = await readdir(path, { recursive: true }).catch(() => undefined);
  return found?.every((name) => ownFolders.includes(name)) ? path : undefined;
}

/** Removes empty folders only; whatever somebody has put there meanwhile stays. */
export async function removeRunFolder(stateFolder: string): Promise<void> {
  const path = await findEmptyRunFolder(stateFolder);
  if (path === undefined) return;
  for (const name of ownFolders) await rmdir(join(path, name)).catch(() => {});
  await rmdir(path).catch(() => {});
  await rm(join(await realpath(stateFolder), placeFile), { force: true });
}

/** Whoever can write there can listen in the place of any enclave. */
async function openOwn(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(path);
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0) return;
  const got = `uid ${found.uid}, mode ${(found.mode & 0o7777).toString(8)}`;
  throw new PolicyError<BackendErrorCode>(
    'BACKEND_STATE',
    `${path} must be this user's own folder with mode 700, got ${got}`,
    {
      hint: 'remove it, or name another state folder in CAISSON_STATE',
    },
  );
}

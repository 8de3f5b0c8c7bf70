// The folder of a fabric: `DIR/<cid>/<port>`. Whoever can write there can listen as anybody, so it must be the caller's own,
// writable by nobody else, and reached without a link that another could turn elsewhere.
import type { Stats } from 'node:fs';
import { lstatSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Cid, VsockPort } from '@caisson/core/address';
import { LimitError, PolicyError } from '@caisson/core/errors';
import type { TransportErrorCode } from '../error-code.ts';
import { codeOf } from '../socket-error.ts';

// Given: sizeof(sun_path) - 1 on Linux, unix(7). Node 20 cuts a longer path silently and listens somewhere else.
const maxUnixPathBytes = 107;
/** `/4294967294/4294967294`, the longest that follows the folder. */
const longestTailBytes = 22;
const maxFolderBytes = maxUnixPathBytes - longestTailBytes;

/** The folder as an absolute path. Throws PolicyError TRANSPORT_FOLDER, LimitError TRANSPORT_PATH_LENGTH. */
export function openFolder(directory: string): string {
  const folder = resolve(directory);
  const bytes = Buffer.byteLength(folder);
  if (bytes > maxFolderBytes) {
    throw new LimitError<TransportErrorCode>(
      'TRANSPORT_PATH_LENGTH',
      `fabric folder ${folder} has ${bytes} bytes, at most ${maxFolderBytes} leave room for /CID/PORT in a socket path`,
      { hint: 'choose a shorter folder, for example one under /tmp or $XDG_RUNTIME_DIR' },
    );
  }
  for (let step = folder; step !== dirname(step); step = dirname(step)) {
    if (inspect(step).isSymbolicLink()) throw refuse(folder, `${step} is a symbolic link`);
  }
  verifyOwn(folder, inspect(folder));
  return folder;
}

/** The folder of one CID, made when absent. Throws PolicyError TRANSPORT_FOLDER. */
export function openCidFolder(folder: string, cid: Cid): string {
  const path = join(folder, String(cid));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  verifyOwn(path, inspect(path));
  return path;
}

export function socketPath(folder: string, cid: Cid, port: VsockPort): string {
  return join(folder, String(cid), String(port));
}

function inspect(path: string): Stats {
  try {
    return lstatSync(path);
  } catch (cause) {
    throw refuse(path, `it cannot be inspected (${codeOf(cause)})`, cause);
  }
}

function verifyOwn(path: string, found: Stats): void {
  if (!found.isDirectory()) throw refuse(path, 'it is no folder');
  const uid = process.geteuid?.();
  if (found.uid !== uid) throw refuse(path, `it belongs to uid ${found.uid}, this process is uid ${uid}`);
  if ((found.mode & 0o022) !== 0) {
    throw refuse(path, `others may write there (mode ${(found.mode & 0o777).toString(8)})`);
  }
}

function refuse(path: string, reason: string, cause?: unknown): PolicyError<TransportErrorCode> {
  return new PolicyError('TRANSPORT_FOLDER', `fabric folder ${path} refused: ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: `make a folder of your own for it: mkdir -m 700 ${path}`,
  });
}

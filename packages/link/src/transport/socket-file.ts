// A unix stream listener whose file is exact: it appears with a listener behind it, replaces the file of a dead one, never
// that of a living one, and its removal removes no file but its own.
// Node alone does none of this: its file exists before anybody listens, stays after kill -9, and libuv's close unlinks the
// path whoever owns it by then. So the server binds a temporary name and the real name is a hard link to it.
import { randomInt } from 'node:crypto';
import { linkSync, lstatSync, unlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Cid, VsockPort } from '@caisson/core/address';
import { connectFile } from './dial-file.ts';
import { codeOf, createSocketError } from './socket-error.ts';

export interface SocketFile {
  readonly path: string;
  /** Frees the path and stops accepting, both before it returns; accepted sockets live on. Idempotent. */
  close(): void;
}

export interface SocketFileOptions {
  readonly path: string;
  /** The address that the file stands for, for messages. */
  readonly local: { readonly cid: Cid; readonly port: VsockPort };
  readonly backlog: number;
}

/** Paths that this process serves: its own listeners need no probe, which on a hybrid path would look like a dial. */
const servedHere = new Set<string>();

// Chosen. Two looks, because a listener that is not ours may stand between its bind and its listen.
const looksAfterMs = [0, 20];
const claimRounds = 8;
/** As many as fit into eight base-36 digits: a name shorter than the longest port, so a checked path has room for it. */
const temporaryNames = 36 ** 8;

export async function listenOnFile(
  options: SocketFileOptions,
  onSocket: (socket: Socket) => void,
): Promise<SocketFile> {
  const { path } = options;
  const server = createServer({ allowHalfOpen: true }, onSocket);
  const temporary = join(dirname(path), `.${randomInt(temporaryNames).toString(36)}`);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: temporary, backlog: options.backlog, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // A failed accept is one connection that never came to be; without a listener it would end the process.
  server.on('error', () => {});
  try {
    const own = identify(temporary);
    await claim(temporary, options);
    servedHere.add(path);
    let open = true;
    unlinkSync(temporary);
    return {
      path,
      close() {
        // The file first: a dial between the two steps meets ENOENT and not a file without a listener.
        if (!open) return;
        open = false;
        servedHere.delete(path);
        removeIfSame(path, own);
        server.close();
      },
    };
  } catch (error) {
    server.close();
    throw error;
  }
}

/**
 * Removes the file of a listener that is gone. Throws EADDRINUSE while somebody listens there, or where the path is
 * anything but a socket.
 */
export async function clearStaleFile(options: Omit<SocketFileOptions, 'backlog'>): Promise<void> {
  const { path, local } = options;
  if (servedHere.has(path)) throw createSocketError('EADDRINUSE', 'listen', local, 'this process listens there');
  const seen = identify(path);
  if (seen === undefined) return;
  if (seen === 'other') throw createSocketError('EADDRINUSE', 'listen', local, `${path} exists and is no socket`);
  for (const waitMs of looksAfterMs) {
    await pause(waitMs);
    if (!(await isServed(path))) continue;
    throw createSocketError('EADDRINUSE', 'listen', local, `another listener answers on ${path}`);
  }
  // Another process may have replaced the same dead file since; its new file has another inode and stays.
  removeIfSame(path, seen);
}

async function claim(temporary: string, options: SocketFileOptions): Promise<void> {
  for (let round = 0; round < claimRounds; round += 1) {
    try {
      linkSync(temporary, options.path);
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    await clearStaleFile(options);
  }
  throw createSocketError('EADDRINUSE', 'listen', options.local, `${options.path} came back ${claimRounds} times`);
}

async function isServed(path: string): Promise<boolean> {
  try {
    (await connectFile(path)).destroy();
    return true;
  } catch (error) {
    const code = codeOf(error);
    return code !== 'ECONNREFUSED' && code !== 'ENOENT';
  }
}

/** Device and inode of a socket; 'other' for any other kind of file; undefined for none. */
function identify(path: string): string | undefined {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return undefined;
  return found.isSocket() ? `${found.dev}:${found.ino}` : 'other';
}

function removeIfSame(path: string, identity: string | undefined): void {
  if (identity !== undefined && identity === identify(path)) unlinkSync(path);
}

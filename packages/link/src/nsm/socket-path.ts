// A listening unix socket that is never for a moment open to others than its mode says, and never takes a living one's place.
// bind(2) creates the file with the process's umask, so the server is bound inside a private folder, gets its mode there,
// and only then its name: link(2) where the name is free, rename(2) over the file of a dead process.
import { chmodSync, linkSync, lstatSync, mkdtempSync, renameSync, rmSync, type Stats, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { checkPath, createNsmSocketError } from './messages.ts';

/** Rejects EADDRINUSE (with the name), ENAMETOOLONG, and what the file system says. Resolves with what frees the path. */
export async function listenOnPath(server: Server, path: string, mode: number): Promise<() => void> {
  checkPath(path, 'listen');
  const folder = mkdtempSync(`${dirname(path)}/.`);
  try {
    const hidden = join(folder, 's');
    checkPath(hidden, 'listen');
    await listen(server, hidden);
    chmodSync(hidden, mode);
    const own = lstatSync(hidden);
    await giveName(hidden, path);
    return () => {
      // A successor may have the name by now.
      if (isSame(own, lstatSync(path, { throwIfNoEntry: false }))) unlinkSync(path);
    };
  } catch (error) {
    server.close();
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function giveName(hidden: string, path: string): Promise<void> {
  try {
    linkSync(hidden, path);
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isSocket()) {
    throw createNsmSocketError('EADDRINUSE', 'listen', path, 'something that is no socket has this name');
  }
  if (await isServed(path)) {
    throw createNsmSocketError('EADDRINUSE', 'listen', path, 'another process listens on this name');
  }
  // Somebody else may have replaced the dead file while it was looked at.
  if (!isSame(found, lstatSync(path, { throwIfNoEntry: false }))) {
    throw createNsmSocketError('EADDRINUSE', 'listen', path, 'another process has just taken this name');
  }
  renameSync(hidden, path);
}

/** False only when the kernel says that nobody listens; a full backlog (EAGAIN) or a closed door (EACCES) is somebody. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}

function isSame(left: Stats | undefined, right: Stats | undefined): boolean {
  return left?.dev === right?.dev && left?.ino === right?.ino;
}

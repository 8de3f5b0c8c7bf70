// The socket file that a killed process left behind. Removed only when it is a socket on which nobody answers, so that a
// rule can listen on a unix path again after kill -9 and can never take the path of a living listener.
import { lstatSync, unlinkSync } from 'node:fs';
import { connectFile } from '../transport/dial-file.ts';
import { codeOf } from '../transport/socket-error.ts';

/** Leaves everything else to bind(2), which answers EADDRINUSE. */
export async function removeStaleSocket(path: string): Promise<void> {
  const seen = socketInode(path);
  if (seen === undefined) return;
  try {
    (await connectFile(path)).destroy();
  } catch (error) {
    // Another process may have replaced the dead file since: its file has another inode and stays.
    if (codeOf(error) === 'ECONNREFUSED' && socketInode(path) === seen) unlinkSync(path);
  }
}

function socketInode(path: string): string | undefined {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found?.isSocket() === true ? `${found.dev}:${found.ino}` : undefined;
}

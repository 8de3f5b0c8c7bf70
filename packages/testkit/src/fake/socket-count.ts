// How many sockets this process holds open: what a test compares before and after. Other descriptors (files that Node opens
// when it first needs them, epoll, pipes) come and go on their own.
import { readdirSync, readlinkSync } from 'node:fs';

export function countSockets(): number {
  return readdirSync('/proc/self/fd').filter(isSocket).length;
}

function isSocket(descriptor: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('socket:');
  } catch {
    // The one that listed the folder is already closed.
    return false;
  }
}

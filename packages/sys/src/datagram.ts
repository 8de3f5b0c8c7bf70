// Datagrams on a unix socket, for systemd's notify protocol. Who may send is the file's owner and mode: a sender that has ended
// before its words are read leaves no trace in /proc by which it could be judged.
import { chmodSync, chownSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { VsockAddon } from './addon.ts';
import { adoptSocket } from './adopt.ts';
import { createSystemError } from './errno.ts';
import type { DatagramListener, DatagramOptions } from './kernel.ts';

type DatagramAddon = Pick<VsockAddon, 'bindDatagram' | 'placeholder' | 'swap' | 'discard'>;

// Chosen: an empty datagram reads as the end of a stream, so the socket is made anew; not as fast as somebody can send them.
const reopenMs = 100;

/** Throws Node-style errors: EACCES, ENAMETOOLONG (over 107 bytes), ENOENT. A file of that name is replaced. */
export function listenDatagram(
  addon: DatagramAddon,
  { path, uid, gid }: DatagramOptions,
  onDatagram: (bytes: Buffer) => void,
): DatagramListener {
  let isOpen = true;
  let timer: NodeJS.Timeout | undefined;

  const bind = (): Socket => {
    rmSync(path, { force: true });
    const fd = addon.bindDatagram(path);
    if (fd < 0) throw createSystemError(fd, 'bind', path);
    // 0600 before it is somebody's: writing is what sending needs.
    chmodSync(path, 0o600);
    chownSync(path, uid, gid);
    const socket = adoptSocket(addon, fd, path);

    socket.on('data', onDatagram);
    socket.on('error', () => {});
    socket.on('end', () => {
      socket.destroy();
      if (isOpen) timer = setTimeout(reopen, reopenMs);
    });
    return socket;
  };
  const reopen = (): void => {
    try {
      socket = bind();
    } catch {
      // Its folder is gone or full: the sender's own doing began this, and its readiness has a deadline.
    }
  };
  let socket = bind();

  return {
    close() {
      isOpen = false;
      clearTimeout(timer);
      socket.destroy();
      rmSync(path, { force: true });
    },
  };
}

// Who is at the other end of a unix socket, terminals and FIFOs: what the control sockets and `exec` need of the kernel.
import type { Socket } from 'node:net';
import type { ProcessAddon } from './addon.ts';
import { createSystemError, errnoNumber } from './errno.ts';
import type { Kernel } from './kernel.ts';

export type ProcessFace = Pick<Kernel, 'peerCredentials' | 'openTerminal' | 'resizeTerminal' | 'makeFifo'>;

export function createProcessFace(addon: ProcessAddon): ProcessFace {
  return {
    peerCredentials(socket) {
      const out = new Uint32Array(3);
      const result = addon.peerCredentials(descriptorOf(socket), out);
      if (result < 0) throw createSystemError(result, 'getsockopt', 'SO_PEERCRED');
      return { pid: out[0]!, uid: out[1]!, gid: out[2]! };
    },
    openTerminal({ columns, rows }) {
      const result = addon.openTerminal(columns, rows);
      if (typeof result === 'number') throw createSystemError(result, 'openpt', '/dev/ptmx');
      return { fd: result[0], path: result[1] };
    },
    resizeTerminal(fd, { columns, rows }) {
      const result = addon.resizeTerminal(fd, columns, rows);
      if (result < 0) throw createSystemError(result, 'ioctl', 'TIOCSWINSZ');
    },
    makeFifo(path) {
      const result = addon.makeFifo(path);
      if (result < 0) throw createSystemError(result, 'mkfifo', path);
    },
  };
}

function descriptorOf(socket: Socket): number {
  // Node has no public way to the descriptor of a socket that a server accepted.
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: number } | null };
  if (typeof handle?.fd === 'number' && handle.fd >= 0) return handle.fd;
  throw createSystemError(errnoNumber('ENOTCONN'), 'getsockopt', 'SO_PEERCRED', { reason: 'the socket is closed' });
}

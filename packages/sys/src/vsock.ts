// AF_VSOCK as real net.Socket and net.Server: what Kernel promises about vsock.
import type { Server, Socket } from 'node:net';
import type { Cid, VsockAddress, VsockPort } from '@caisson/core/address';
import { formatAddress } from '@caisson/core/address';
import type { VsockAddon } from './addon.ts';
import { adoptServer } from './adopt.ts';
import { connectVsock, type VsockTarget } from './connect.ts';
import { createSystemError, errnoNumber } from './errno.ts';
import type { Kernel } from './kernel.ts';
import { limitWrites } from './write-limit.ts';

// Chosen.
const defaultBacklog = 4_096;

export type VsockFace = Pick<Kernel, 'vsockConnect' | 'vsockListen' | 'vsockPeer' | 'localCid'>;

export interface VsockLimits {
  /** Greatest single write, bytes. */
  readonly writeBytes: number;
  /** Receive window asked for, bytes. */
  readonly windowBytes: number;
}

export function createVsock(addon: VsockAddon, { writeBytes, windowBytes }: VsockLimits): VsockFace {
  // getpeername works only while the socket lives, and Node gives its descriptor away with the handle; so it is asked once.
  const peers = new WeakMap<Socket, VsockAddress>();
  const remember = (socket: Socket, peer: VsockAddress | undefined): void => {
    limitWrites(socket, writeBytes);
    if (peer !== undefined) peers.set(socket, peer);
  };
  return {
    async vsockConnect(target, options) {
      const socket = await connectVsock(addon, target, windowBytes, options);
      remember(socket, { kind: 'vsock', cid: target.cid, port: target.port });
      return socket;
    },
    async vsockListen(local, { backlog = defaultBacklog } = {}) {
      if (!Number.isInteger(backlog) || backlog < 1 || backlog > 65_535) {
        throw new TypeError(`backlog must be an integer in 1..65535, got ${backlog}`);
      }
      const server = await openServer(addon, local, windowBytes, backlog);
      // The first listener, so that every later one meets a socket whose peer is known.
      return server.prependListener('connection', (socket) => remember(socket, readPeer(addon, socket)));
    },
    vsockPeer: (socket) => (socket.destroyed ? undefined : peers.get(socket)),
    localCid() {
      const cid = addon.localCid();
      if (cid >= 0) return cid as Cid;
      throw createSystemError(cid, 'ioctl', '/dev/vsock', { hint: localCidHint(cid) });
    },
  };
}

async function openServer(
  addon: VsockAddon,
  local: VsockTarget,
  windowBytes: number,
  backlog: number,
): Promise<Server> {
  const object = formatAddress({ kind: 'vsock', ...local });
  const fd = addon.listenVsock(local.cid, local.port, windowBytes, backlog);
  if (fd >= 0) return adoptServer(addon, fd, object);
  const hint = fd === errnoNumber('EACCES') ? 'ports below 1024 need CAP_NET_BIND_SERVICE' : undefined;
  throw createSystemError(fd, 'listen', object, { hint });
}

function readPeer(addon: VsockAddon, socket: Socket): VsockAddress | undefined {
  // The one use of a handle's descriptor: Node has no public way to it for a socket that a server accepted.
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: number } | null };
  if (typeof handle?.fd !== 'number' || handle.fd < 0) return undefined;
  const out = new Uint32Array(2);
  if (addon.peer(handle.fd, out) < 0) return undefined;
  return { kind: 'vsock', cid: out[0] as Cid, port: out[1] as VsockPort };
}

function localCidHint(result: number): string | undefined {
  if (result === errnoNumber('ENOENT'))
    return 'this kernel has no vsock: load a transport (modprobe vhost_vsock) or use CAISSON_VSOCK=fabric:DIR';
  if (result === errnoNumber('ENODEV')) return 'no vsock transport is loaded on this machine';
  if (result === errnoNumber('EACCES')) return 'reading /dev/vsock needs its group or root';
  return undefined;
}

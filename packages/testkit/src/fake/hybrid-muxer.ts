// What Firecracker or vhost-device-vsock does for one guest, so that the hybrid transport has somebody to talk to:
// `CONNECT <port>\n` on PATH becomes a connection to the guest, a guest's dial arrives on PATH_<port>.
// Written from firecracker docs/vsock.md and not from link's hybrid room, so that both can be wrong only apart.
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Cid, VsockPort } from '@caisson/core/address';
import { CID_ANY } from '@caisson/core/address';
import type {
  Transport,
  TransportConnectOptions,
  TransportListenOptions,
  TransportPeer,
} from '@caisson/link/transport';

export interface HybridMuxerOptions {
  readonly path: string;
  /** The guest's CID. */
  readonly cid: Cid;
  /** What the guest calls its host. */
  readonly hostCid: Cid;
}

export interface HybridMuxer {
  /** The guest's view, as its kernel would give it. */
  readonly guest: Transport;
  close(): Promise<void>;
}

interface GuestListener {
  readonly options: TransportListenOptions;
  onConnection(socket: Socket, peer: TransportPeer): void;
}

const maxRequestBytes = 32;

export async function createHybridMuxer(options: HybridMuxerOptions): Promise<HybridMuxer> {
  const listeners = new Map<VsockPort, GuestListener>();
  const waiting = new Set<Socket>();
  let nextPort = 0x40000000;

  function serve(socket: Socket, request: string): void {
    const port = /^CONNECT ([0-9]{1,10})$/.exec(request)?.[1];
    const listener = port === undefined ? undefined : listeners.get(Number(port) as VsockPort);
    if (listener === undefined) {
      socket.destroy();
      return;
    }
    nextPort += 1;
    socket.write(`OK ${nextPort}\n`);
    const { peerCid } = listener.options;
    if (peerCid !== undefined && peerCid !== options.hostCid) socket.destroy();
    else listener.onConnection(socket, { cid: options.hostCid, port: nextPort as VsockPort });
  }

  function greet(socket: Socket): void {
    let request = '';
    waiting.add(socket);
    const leave = (): void => {
      waiting.delete(socket);
      socket.off('readable', read).off('error', refuse);
    };
    const refuse = (): void => {
      leave();
      socket.destroy();
    };
    const read = (): void => {
      // A 'readable' with nothing to read is the end.
      if (socket.readableLength === 0) refuse();
      // Byte by byte: what follows the line belongs to the guest.
      while (socket.readableLength > 0) {
        const byte = String(socket.read(1));
        if (byte === '\n') {
          leave();
          serve(socket, request);
          return;
        }
        request += byte;
        if (request.length === maxRequestBytes) refuse();
      }
    };
    socket.on('readable', read).on('error', refuse);
  }

  const server = await listenOn(options.path, createServer({ allowHalfOpen: true }, greet));

  return {
    guest: createGuest(options, listeners),
    async close() {
      for (const socket of waiting) socket.destroy();
      server.close();
    },
  };
}

function createGuest(options: HybridMuxerOptions, listeners: Map<VsockPort, GuestListener>): Transport {
  return {
    kind: 'kernel',
    localCid: options.cid,

    async connect(target, connectOptions = {}) {
      if (target.cid !== options.hostCid) throw failure('ENODEV', `cid ${target.cid}`);
      return await dialHost(`${options.path}_${target.port}`, connectOptions);
    },

    async listen(local, listenOptions, onConnection) {
      if (local.cid !== CID_ANY && local.cid !== options.cid) throw failure('EADDRNOTAVAIL', `cid ${local.cid}`);
      if (listeners.has(local.port)) throw failure('EADDRINUSE', `port ${local.port}`);
      listeners.set(local.port, { options: listenOptions, onConnection });
      return {
        port: local.port,
        async close() {
          listeners.delete(local.port);
        },
      };
    },

    async planListen() {
      return undefined;
    },

    planDial() {
      return undefined;
    },
  };
}

async function dialHost(path: string, options: TransportConnectOptions): Promise<Socket> {
  const { timeoutMs = 5_000, retryRefused = false, signal } = options;
  const deadlineAtMs = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await tryHost(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const full = code === 'EAGAIN';
      if (!full && code !== 'ENOENT' && code !== 'ECONNREFUSED') throw error;
      if (!full && !retryRefused) throw failure('ECONNREFUSED', path);
      if (performance.now() >= deadlineAtMs) throw failure('ETIMEDOUT', path);
      await pause(5);
    }
  }
}

function tryHost(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once('error', reject).once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function listenOn(path: string, server: Server): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen({ path, backlog: 4_096 }, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

function failure(code: string, what: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`connect ${code} ${what}`), { code, syscall: 'connect' });
}

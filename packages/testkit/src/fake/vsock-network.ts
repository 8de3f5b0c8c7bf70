// A vsock in memory, for kernels of one process: real net.Socket and net.Server over abstract unix names, refusals and
// errors as AF_VSOCK gives them. What it cannot show: windows, write sizes, a reset that reads as a clean end.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { constants } from 'node:os';
import {
  CID_ANY,
  type Cid,
  formatAddress,
  toVsockPort,
  type VsockAddress,
  type VsockPort,
} from '@caisson/core/address';

export interface FakeVsock {
  connect(target: FakeTarget): Promise<Socket>;
  listen(local: FakeTarget, backlog: number): Promise<Server>;
  peerOf(socket: Socket): VsockAddress | undefined;
}

export interface FakeTarget {
  readonly cid: Cid;
  readonly port: VsockPort;
}

export interface FakeVsockNetwork {
  /** One machine's view; `cid` is its own. */
  attach(cid: Cid): FakeVsock;
}

interface Listener {
  readonly name: string;
  /** Diallers in the order of their connect(2), which is the order of accept(2) on a unix stream. */
  readonly waiting: VsockAddress[];
}

export function createFakeVsockNetwork(): FakeVsockNetwork {
  const listeners = new Map<string, Listener>();
  const peers = new WeakMap<Socket, VsockAddress>();
  const network = `caisson-fake-${process.pid}-${randomInt(0x7fffffff)}`;
  let sourcePort = 0x40000000;

  return {
    attach: (ownCid) => ({
      async connect(target) {
        const listener = listeners.get(`${target.cid}:${target.port}`);
        if (listener === undefined) throw fail('ECONNREFUSED', 'connect', target);
        sourcePort += 1;
        const self: VsockAddress = { kind: 'vsock', cid: ownCid, port: toVsockPort(sourcePort) };
        listener.waiting.push(self);
        const socket = connect({ path: listener.name, allowHalfOpen: true });
        try {
          await once(socket, 'connect');
        } catch (error) {
          // libuv reports a failed connect before it polls, and so before any later dialler is accepted.
          const place = listener.waiting.indexOf(self);
          if (place >= 0) listener.waiting.splice(place, 1);
          throw fail('ECONNREFUSED', 'connect', target, error);
        }
        peers.set(socket, { kind: 'vsock', ...target });
        return socket;
      },

      async listen(local, backlog) {
        if (local.cid !== CID_ANY && local.cid !== ownCid) throw fail('EADDRNOTAVAIL', 'listen', local);
        const key = `${ownCid}:${local.port}`;
        if (listeners.has(key)) throw fail('EADDRINUSE', 'listen', local);
        const listener: Listener = { name: `\0${network}:${key}`, waiting: [] };
        listeners.set(key, listener);
        const server = createServer({ allowHalfOpen: true });
        server.prependListener('connection', (socket) => {
          const peer = listener.waiting.shift();
          if (peer !== undefined) peers.set(socket, peer);
        });
        const close = server.close.bind(server);
        // The address is free when close() returns, as with a real descriptor; the event comes later.
        server.close = (done) => {
          if (listeners.get(key) === listener) listeners.delete(key);
          return close(done);
        };
        server.listen({ path: listener.name, backlog });
        await once(server, 'listening');
        return server;
      },

      peerOf: (socket) => (socket.destroyed ? undefined : peers.get(socket)),
    }),
  };
}

function fail(
  code: 'ECONNREFUSED' | 'EADDRNOTAVAIL' | 'EADDRINUSE',
  syscall: string,
  target: FakeTarget,
  cause?: unknown,
): NodeJS.ErrnoException {
  const message = `${syscall} ${code} ${formatAddress({ kind: 'vsock', ...target })}`;
  const error = new Error(message, cause === undefined ? undefined : { cause });
  return Object.assign(error, { code, errno: -constants.errno[code], syscall });
}

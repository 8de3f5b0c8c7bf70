// Listening for the JS data plane on any family: TCP, unix, or whatever the transport calls vsock. Every accepted socket
// has allowHalfOpen and has given none of its bytes away yet.
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import type { Address } from '@caisson/core/address';
import type { Transport } from '../transport/transport.ts';
import type { BridgePeer } from './event.ts';
import type { BridgeRule } from './rule.ts';
import { removeStaleSocket } from './stale-socket.ts';

export interface JsListener {
  /** With the port that the kernel chose. */
  readonly address: Address;
  /** Frees the address; accepted sockets live on. */
  close(): Promise<void>;
}

export type Accept = (socket: Socket, peer: BridgePeer | undefined) => void;

// Chosen: as large as Linux allows by default (net.core.somaxconn), so that a burst waits instead of being refused.
const backlog = 4096;

/** `host` is the literal to bind for TCP. `failed` is called when the listener breaks after it stood. */
export async function listenByRule(
  rule: BridgeRule,
  host: string,
  transport: Transport,
  accept: Accept,
  failed: (error: Error) => void,
): Promise<JsListener> {
  const { listen, peerCid } = rule;
  if (listen.kind === 'vsock') {
    const options = peerCid === undefined ? { backlog } : { backlog, peerCid };
    const local = { cid: listen.cid, port: listen.port };
    const listener = await transport.listen(local, options, (socket, { cid, port }) =>
      accept(socket, { kind: 'vsock', cid, port }),
    );
    return { address: { ...listen, port: listener.port }, close: () => listener.close() };
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => accept(socket, peerOf(socket)));
  if (listen.kind === 'unix') await removeStaleSocket(listen.path);
  await startListening(server, listen.kind === 'tcp' ? { host, port: listen.port, backlog } : { path: listen.path });
  server.on('error', failed);
  const bound = server.address();
  const address =
    listen.kind === 'tcp' && typeof bound === 'object' && bound !== null ? { ...listen, port: bound.port } : listen;
  // close() calls back only when every connection has ended; the address is free at once.
  return { address, close: async () => void server.close() };
}

function startListening(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((settle, fail) => {
    server.once('error', fail);
    server.listen(options, () => {
      server.off('error', fail);
      settle();
    });
  });
}

function peerOf(socket: Socket): BridgePeer | undefined {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return { kind: 'tcp', address: remoteAddress, port: remotePort };
}

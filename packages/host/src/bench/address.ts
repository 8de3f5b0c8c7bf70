// Connections to and from any address that a bench is given.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Address, CID_ANY, type Cid } from '@caisson/core/address';
import type { Transport } from '@caisson/link/transport';

export interface Listening {
  close(): Promise<void>;
}

// Chosen.
const dialTimeoutMs = 5_000;

/** Rejects as the transport or the system does: ECONNREFUSED, ENOENT, ETIMEDOUT ... */
export async function dialAddress(address: Address, transport: Transport): Promise<Socket> {
  if (address.kind === 'vsock') {
    return await transport.connect({ cid: address.cid as Cid, port: address.port }, { timeoutMs: dialTimeoutMs });
  }
  const target = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
  return await new Promise((resolve, reject) => {
    const socket = connect({ ...target, allowHalfOpen: true, noDelay: true });
    socket.setTimeout(dialTimeoutMs, () => {
      socket.destroy(Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' }));
    });
    socket.once('error', reject).once('connect', () => {
      socket.setTimeout(0);
      resolve(socket.off('error', reject));
    });
  });
}

export async function listenOn(
  address: Address,
  transport: Transport,
  accept: (socket: Socket) => void,
): Promise<Listening> {
  if (address.kind === 'vsock') {
    return await transport.listen({ cid: address.cid ?? CID_ANY, port: address.port }, {}, accept);
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  await listen(server, address);
  return {
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function listen(server: Server, address: Exclude<Address, { kind: 'vsock' }>): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const target = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
    server.listen(target, () => resolve());
  });
}

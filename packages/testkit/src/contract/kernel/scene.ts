// The stage of the kernel contract: two machines, ports nobody else uses, and sockets watched to their end.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import type { Cid, VsockPort } from '@caisson/core/address';
import type { Kernel } from '@caisson/sys';

export interface KernelPair {
  /** The one that dials. */
  readonly near: Kernel;
  /** The one that listens. May be the same kernel where vsock has a loopback. */
  readonly far: Kernel;
  /** As `near` reaches it. */
  readonly farCid: Cid;
  /** As `far` sees it. */
  readonly nearCid: Cid;
  freePort(): VsockPort;
}

export async function whileListening(
  pair: KernelPair,
  body: (server: Server, port: VsockPort, accepted: Socket[]) => Promise<void>,
): Promise<void> {
  const port = pair.freePort();
  const server = await pair.far.vsockListen({ cid: pair.far.localCid(), port });
  const accepted: Socket[] = [];
  server.on('connection', (socket) => {
    accepted.push(socket.on('error', () => {}));
  });
  try {
    await body(server, port, accepted);
  } finally {
    const closed = once(server, 'close');
    server.close();
    for (const socket of accepted) socket.destroy();
    await closed;
  }
}

/** One connection from end to end, for the length of `body`. */
export async function meet(
  pair: KernelPair,
  body: (dialled: Socket, accepted: Socket) => Promise<void>,
): Promise<void> {
  await whileListening(pair, async (server, port) => {
    const arrival = once(server, 'connection') as Promise<[Socket]>;
    const dialled = await pair.near.vsockConnect({ cid: pair.farCid, port });
    dialled.on('error', () => {});
    try {
      const [accepted] = await arrival;
      await body(dialled, accepted);
    } finally {
      dialled.destroy();
    }
  });
}

export async function digestAll(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

// The wall of one enclave as a fabric in a folder of the test's: the parent's side, the enclave's, and programs inside that behave as told.
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { CID_ANY, CID_PARENT, type Cid, type VsockPort } from '@caisson/core/address';
import { createFabricTransport, type Transport } from '@caisson/link/transport';

export interface Wall {
  readonly directory: string;
  readonly host: Transport;
  readonly enclave: Transport;
}

export function openWall(t: TestContext, cid: Cid): Wall {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const at = (localCid: Cid): Transport => createFabricTransport({ directory, localCid });
  return { directory, host: at(CID_PARENT), enclave: at(cid) };
}

/** An application's own server, or a broken one. */
export async function serveBy(
  t: TestContext,
  transport: Transport,
  port: VsockPort,
  behave: (socket: Socket) => void,
): Promise<void> {
  const sockets: Socket[] = [];
  const listener = await transport.listen({ cid: CID_ANY, port }, {}, (socket) => {
    sockets.push(socket.on('error', () => {}).resume());
    behave(socket);
  });
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await listener.close();
  });
}

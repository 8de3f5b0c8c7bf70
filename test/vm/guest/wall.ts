// The enclave's end of the test of the wall itself: small services over AF_VSOCK, each one behaviour that the parent looks at.
// Writes leave in one piece here (no 32 KiB limit), because large writes are what is under test.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { CID_ANY, toCid, toVsockPort } from '@caisson/core/address';
import { createKernelTransport, type TransportPeer } from '@caisson/link/transport';
import { createLinuxKernel } from '@caisson/sys';
import { patternOf, wallPort } from './wall-port.ts';

const transport = createKernelTransport(createLinuxKernel({ vsockWriteBytes: 2 * 1024 * 1024 }));

const services: Readonly<Record<keyof typeof wallPort, (socket: Socket, peer: TransportPeer) => unknown>> = {
  async digest(socket, peer) {
    socket.end(JSON.stringify({ ...(await digestOf(socket)), peerCid: peer.cid }));
  },
  async source(socket) {
    const { bytes, writeBytes } = JSON.parse(await textOf(socket)) as { bytes: number; writeBytes: number };
    const pattern = patternOf(bytes);
    for (let at = 0; at < bytes; at += writeBytes) {
      if (!socket.write(pattern.subarray(at, at + writeBytes))) await once(socket, 'drain');
    }
    socket.end();
  },
  echo: (socket) => socket.pipe(socket),
  reset: (socket) => socket.once('data', () => socket.destroy()),
  narrow: (socket) => socket.end('x'),
  stall(socket) {
    socket.write('stalling', () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
      socket.end();
    });
  },
  async dial(socket) {
    const target = { cid: toCid(3), port: toVsockPort(Number(await textOf(socket))) };
    try {
      const dialled = await transport.connect(target);
      dialled.end('question');
      socket.end(JSON.stringify(await digestOf(dialled)));
    } catch (error) {
      socket.end(JSON.stringify({ code: (error as NodeJS.ErrnoException).code }));
    }
  },
  stop: () => process.exit(0),
};

for (const [name, serve] of Object.entries(services)) {
  const port = wallPort[name as keyof typeof wallPort];
  await transport.listen({ cid: CID_ANY, port }, name === 'narrow' ? { backlog: 5 } : {}, (socket, peer) => {
    socket.on('error', () => {});
    Promise.resolve(serve(socket, peer)).catch((error) => {
      console.error(`wall: ${name}: ${error.stack}`);
      socket.destroy();
    });
  });
}
console.log('wall: listening');

async function digestOf(socket: Socket): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

async function textOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) text += String(chunk);
  return text;
}

// The native bridge over the enclave's own vsock (CID 1): a connection from TCP to vsock, one from vsock to TCP, each with more
// bytes both ways than any queue holds, the answer after the end of the question.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { CID_ANY, toCid, toVsockPort } from '@caisson/core/address';
import { report } from './report.ts';
import { patternOf } from './wall-port.ts';

const pattern = patternOf(8 * 1024 * 1024);
const limits = { maxConnections: 64, idleTimeoutMs: 20_000, dialTimeoutMs: 5_000 };
const local = toCid(1);
const ports = { far: toVsockPort(4101), near: toVsockPort(4102) };

await report(async (kernel, transport) => {
  const far = createServer({ allowHalfOpen: true }, answer);
  far.listen(0, '127.0.0.1');
  await once(far, 'listening');
  const vsockFar = await transport.listen({ cid: CID_ANY, port: ports.far }, {}, answer);
  const engine = kernel.createEngine();
  const toVsock = engine.listen({
    ...limits,
    address: { kind: 'tcp', address: '127.0.0.1', port: 0 },
    targets: [{ address: { kind: 'vsock', cid: local, port: ports.far } }],
  });
  const toTcp = engine.listen({
    ...limits,
    address: { kind: 'vsock', cid: CID_ANY, port: ports.near },
    targets: [{ address: { kind: 'tcp', address: '127.0.0.1', port: (far.address() as AddressInfo).port } }],
  });
  if (toVsock.address.kind !== 'tcp') throw new Error('a TCP listener has a TCP address');
  const { port } = toVsock.address;
  const values = {
    expected: digestOf([pattern]),
    toVsock: await ask(connect({ port, host: '127.0.0.1', allowHalfOpen: true })),
    toTcp: await ask(await transport.connect({ cid: local, port: ports.near })),
    counters: [toVsock.counters(), toTcp.counters()],
  };
  await engine.close();
  await vsockFar.close();
  far.close();
  return values;
});

/** The far side: its digest of the question, then the pattern. */
async function answer(socket: Socket): Promise<void> {
  const heard = digestOf(await bytesOf(socket));
  socket.write(heard);
  socket.end(pattern);
}

/** The digest that the far side made of the pattern, and ours of what came after it. */
async function ask(socket: Socket): Promise<{ there: string; back: string }> {
  socket.end(pattern);
  const bytes = Buffer.concat(await bytesOf(socket));
  return { there: bytes.subarray(0, 64).toString(), back: digestOf([bytes.subarray(64)]) };
}

async function bytesOf(socket: Socket): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  return chunks;
}

function digestOf(chunks: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

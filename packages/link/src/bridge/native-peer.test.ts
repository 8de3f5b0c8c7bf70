// Who the peer is where the address says it: on the hybrid form each guest has files of its own, and the socket is anonymous.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Cid, toCid, toVsockPort } from '@caisson/core/address';
import { createLinuxKernel } from '@caisson/sys';
import { createHybridTransport } from '../transport/index.ts';
import { type BridgeEvent, DEFAULT_BRIDGE_LIMITS, openBridge, resolveBySystem } from './index.ts';

const kernel = createLinuxKernel();
const skip = !kernel.hasAddon && 'no addon on this machine';

/** What a guest's dial through a native bridge that serves `peerCid` brings back, and the events of it. */
async function dialThrough(peerCid: Cid): Promise<{ answer: string; events: BridgeEvent[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const transport = createHybridTransport({ localCid: toCid(3), peers: new Map([[toCid(16), join(folder, 'v')]]) });
  const events: BridgeEvent[] = [];
  const bridge = await openBridge(
    {
      name: 'out',
      listen: { kind: 'vsock', cid: toCid(3), port: toVsockPort(8100) },
      dial: { kind: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port },
      peerCid,
      limits: DEFAULT_BRIDGE_LIMITS,
    },
    { transport, kernel, plane: 'native', resolve: resolveBySystem, onEvent: (event) => events.push(event) },
  );
  try {
    const socket = connect({ path: join(folder, 'v_8100'), allowHalfOpen: true });
    socket.on('error', () => {}).end('ping');
    let answer = '';
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
    });
    // Not once(): a refused dialler may see EPIPE before the end, which is no fault here.
    await new Promise((resolve) => socket.once('close', resolve));
    return { answer, events };
  } finally {
    await bridge.drain(0);
    server.close();
    rmSync(folder, { recursive: true });
  }
}

test('serves and names the guest whose file it is', { skip }, async () => {
  const { answer, events } = await dialThrough(toCid(16));
  assert.equal(answer, 'ping');
  const [first] = events;
  assert.ok(first?.type === 'accepted');
  assert.deepEqual(first.peer, { kind: 'vsock', cid: 16, port: 0 });
});

test('refuses everybody on the file of a guest that the rule is not for', { skip }, async () => {
  const { answer, events } = await dialThrough(toCid(17));
  assert.equal(answer, '');
  assert.deepEqual(
    events.map(({ type }) => type),
    ['refused'],
  );
});

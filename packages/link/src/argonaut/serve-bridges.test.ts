// Bridges that live together: all open or none, the log of a connection, the stop, and the end of one as the end of all.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import type { Kernel } from '@caisson/sys';
import type { BridgeSet } from '../bridge/index.ts';
import { createFabricTransport, type Transport } from '../transport/index.ts';
import { parseArgonautKnobs, planBridge, type SaidLine, serveBridges } from './index.ts';

const { knobs } = parseArgonautKnobs({});
const limits = { maxConnections: 5, idleTimeoutMs: 0, dialTimeoutMs: 2000 };
// Nothing here touches the kernel: without the addon the bytes go through JavaScript.
const kernel = { hasAddon: false } as Kernel;

async function echoServer(t: TestContext): Promise<number> {
  const server: Server = createServer(
    { allowHalfOpen: true },
    (socket) => void socket.pipe(socket).on('error', () => {}),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function fabric(t: TestContext): Transport {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return createFabricTransport({ directory, localCid: toCid(3) });
}

test('opens all bridges, logs a connection from accept to close, and ends without an error when it is stopped', async (t) => {
  const stop = new AbortController();
  const said: SaidLine[] = [];
  const port = await echoServer(t);
  const planned = [
    planBridge('inbound', 'host', 'inbound', {
      listen: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      dial: { kind: 'tcp', host: '127.0.0.1', port },
      limits,
    }),
  ];
  const opened = Promise.withResolvers<BridgeSet>();
  const closed = Promise.withResolvers<void>();
  const served = serveBridges({
    planned,
    knobs,
    transport: fabric(t),
    kernel,
    say(line) {
      said.push(line);
      if (line.code === 'CONNECTION_CLOSED') closed.resolve();
    },
    stop: stop.signal,
    readyLine: '[host] all bridges started',
    onOpen: opened.resolve,
  });
  const [bridge] = (await opened.promise).bridges;
  assert.ok(bridge?.address.kind === 'tcp');
  const socket = connect(bridge.address.port, '127.0.0.1');
  socket.end('hello');
  const [reply] = (await once(socket, 'data')) as [Buffer];
  assert.equal(reply.toString(), 'hello');
  await closed.promise;
  stop.abort('SIGTERM');
  await served;
  const messages = said.map(({ message }) => message.replace(/(?<=\] )127\.0\.0\.1:\d+ →|duration=\S+/g, '*'));
  assert.deepEqual(messages, [
    `[host] inbound TCP:127.0.0.1:0 → TCP:127.0.0.1:${port}`,
    '[host] all bridges started',
    `[bridge:1] * TCP:127.0.0.1:${port} accepted`,
    `[bridge:1] closed target=TCP:127.0.0.1:${port} * a_to_b=5 b_to_a=5 err_a_to_b=<nil> err_b_to_a=<nil>`,
  ]);
  await assert.rejects(once(connect(bridge.address.port, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
});

test('opens none when one of them cannot listen', async (t) => {
  const taken = await echoServer(t);
  const transport = fabric(t);
  const dial = { kind: 'tcp', host: '127.0.0.1', port: taken } as const;
  const planned = [
    planBridge('first', 'host', 'outbound', {
      listen: { kind: 'vsock', cid: toCid(3), port: toVsockPort(8100) },
      dial,
      limits,
    }),
    planBridge('second', 'host', 'inbound', { listen: dial, dial: { ...dial, port: 1 }, limits }),
  ];
  const serve = serveBridges({
    planned,
    knobs,
    transport,
    kernel,
    say: () => {},
    stop: new AbortController().signal,
    readyLine: '',
  });
  await assert.rejects(serve, {
    code: 'BRIDGE_LISTEN',
    message: /bridge second cannot listen on tcp:127\.0\.0\.1:\d+/,
  });
  await assert.rejects(transport.connect({ cid: toCid(3), port: toVsockPort(8100) }), { code: 'ECONNREFUSED' });
});

test('ends with an error when a listener ends that nobody stopped', async (t) => {
  const planned = [
    planBridge('inbound', 'traffic', 'inbound', {
      listen: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      dial: { kind: 'tcp', host: '127.0.0.1', port: 1 },
      limits,
    }),
  ];
  const served = serveBridges({
    planned,
    knobs,
    transport: fabric(t),
    kernel,
    say: () => {},
    stop: new AbortController().signal,
    readyLine: '',
    onOpen: (set) => void set.drain(0),
  });
  await assert.rejects(served, { code: 'ARGONAUT_BRIDGE_ENDED', message: /^bridge exited unexpectedly: / });
});

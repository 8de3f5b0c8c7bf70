// Raw delivery between two ends of a fabric, and what each end makes of a partner that does not play by the form.
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { LimitError } from '@caisson/core/errors';
import { receiveConfig, sendConfig } from '@caisson/link/config';
import type { Transport } from '@caisson/link/transport';
import { createFabricTransport } from '@caisson/link/transport';
import { laneBoundMs } from '@caisson/testkit/contract';

const [hostCid, cid, port] = [toCid(3), toCid(16), toVsockPort(7777)];
let directory: string;
let host: Transport;
let enclave: Transport;

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  host = createFabricTransport({ directory, localCid: hostCid });
  enclave = createFabricTransport({ directory, localCid: cid });
});
after(() => rmSync(directory, { recursive: true }));

/** A receiver that is known to listen before a sender is let loose. */
async function listening(options: Partial<Parameters<typeof receiveConfig>[0]> = {}): Promise<{
  received: Promise<Uint8Array>;
}> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const received = receiveConfig({ transport: enclave, port, onListening: resolve, ...options });
  received.catch(() => {});
  await promise;
  return { received };
}

test('delivers 0 bytes, 1 byte and 1,048,576 bytes unchanged', async () => {
  for (const size of [0, 1, 1_048_576]) {
    const bytes = randomBytes(size);
    const { received } = await listening();
    await sendConfig({ transport: host, cid, port, bytes, timeoutMs: 1_000 });
    deepEqual(Buffer.from(await received), bytes);
  }
});

test('refuses to send 1,048,577 bytes before it dials', async () => {
  const bytes = new Uint8Array(1_048_577);
  await rejects(sendConfig({ transport: host, cid, port, bytes, timeoutMs: 1_000 }), {
    code: 'DELIVERY_TOO_LARGE',
    message: 'config has 1048577 bytes, at most 1048576 can be delivered',
  });
});

test('hands out nothing of a delivery above maxBytes', async () => {
  const { received } = await listening({ maxBytes: 100 });
  const sent = sendConfig({ transport: host, cid, port, bytes: randomBytes(101), timeoutMs: 1_000 });
  await rejects(received, (error) => error instanceof LimitError && error.code === 'DELIVERY_TOO_LARGE');
  await sent.catch(() => {});
});

test('takes exactly maxBytes', async () => {
  const { received } = await listening({ maxBytes: 100 });
  await sendConfig({ transport: host, cid, port, bytes: Buffer.alloc(100, 'c'), timeoutMs: 1_000 });
  equal((await received).length, 100);
});

test('refuses a second sender during and after the first', async () => {
  const { received } = await listening();
  const first = await host.connect({ cid, port });
  first.write('{"schemaVersion":');
  await refusedSoon();
  first.end('"v0.1"}');
  equal(Buffer.from(await received).toString(), '{"schemaVersion":"v0.1"}');
  await rejects(host.connect({ cid, port }), { code: 'ECONNREFUSED' });
  await once(first.resume(), 'close');
});

/** The first sender's bytes take a moment to arrive; from then on dials are refused. */
async function refusedSoon(): Promise<void> {
  for (;;) {
    let second: Socket;
    try {
      second = await host.connect({ cid, port });
    } catch (error) {
      equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
      return;
    }
    const closed = new Promise((resolve) => second.once('close', resolve));
    second.on('error', () => {}).resume();
    await closed;
  }
}

test('waits for a port that refuses, says so once, and delivers when it opens', async () => {
  let waits = 0;
  const opened = Promise.withResolvers<Promise<{ received: Promise<Uint8Array> }>>();
  const sent = sendConfig({
    transport: host,
    cid,
    port,
    bytes: Buffer.from('{}'),
    timeoutMs: 10_000,
    retry: true,
    onWaiting() {
      waits += 1;
      opened.resolve(listening());
    },
  });
  const { received } = await opened.promise;
  await sent;
  equal(Buffer.from(await received).toString(), '{}');
  equal(waits, 1);
});

test('does not wait unless it was asked to, and not past its deadline', async () => {
  const bytes = Buffer.from('{}');
  await rejects(sendConfig({ transport: host, cid, port, bytes, timeoutMs: 5_000 }), { code: 'ECONNREFUSED' });
  const startedAtMs = performance.now();
  await rejects(sendConfig({ transport: host, cid, port, bytes, timeoutMs: 100, retry: true }), { code: 'ETIMEDOUT' });
  ok(performance.now() - startedAtMs < laneBoundMs(1_500));
});

test('rejects as late when nobody sends, and when a sender never ends', async () => {
  await rejects(receiveConfig({ transport: enclave, port, timeoutMs: 50 }), {
    code: 'DELIVERY_LATE',
    message: 'nobody sent a config to port 7777 within 50 ms',
  });
  const { received } = await listening({ transferTimeoutMs: 50 });
  const slow = await host.connect({ cid, port });
  slow.on('error', () => {}).resume();
  slow.write('{');
  await rejects(received, {
    code: 'DELIVERY_LATE',
    message: 'config from cid 3 on port 7777 came to 1 bytes and no end within 50 ms',
  });
  slow.destroy();
});

test('rejects as late when the receiver never closes, as answered when it talks back, as cut when it breaks off', async () => {
  const send = (bytes: Uint8Array): Promise<void> =>
    sendConfig({ transport: host, cid, port, bytes, timeoutMs: 1_000, transferTimeoutMs: 100 });
  await withReceiver(
    (socket) => socket.resume(),
    () => rejects(send(Buffer.from('{}')), { code: 'DELIVERY_LATE' }),
  );
  await withReceiver(
    (socket) => socket.resume().end('ok'),
    () => rejects(send(Buffer.from('{}')), { code: 'DELIVERY_ANSWERED' }),
  );
  await withReceiver(
    (socket) => socket.once('data', () => socket.destroy()),
    () => rejects(send(randomBytes(1_048_576)), { code: 'DELIVERY_CUT' }),
  );
});

async function withReceiver(serve: (socket: Socket) => void, body: () => Promise<void>): Promise<void> {
  const sockets: Socket[] = [];
  const listener = await enclave.listen({ cid, port }, {}, (socket) => {
    sockets.push(socket.on('error', () => {}));
    serve(socket);
  });
  await body();
  await listener.close();
  for (const socket of sockets) socket.destroy();
}

test('hands out nothing when the connection breaks off with an error', async () => {
  const breaking: Transport = {
    ...enclave,
    listen: (local, options, onConnection) =>
      enclave.listen(local, options, (socket, peer) => {
        onConnection(socket, peer);
        socket.once('data', () => socket.destroy(new Error('read ECONNRESET')));
      }),
  };
  const { received } = await listening({ transport: breaking });
  const sent = sendConfig({ transport: host, cid, port, bytes: Buffer.from('{"a":1'), timeoutMs: 1_000 });
  await rejects(received, {
    code: 'DELIVERY_CUT',
    message: 'config from cid 3 on port 7777 broke off after 6 bytes',
  });
  await sent.catch(() => {});
});

test('cannot tell a sender that died from one that ended: what comes out is no complete JSON', async () => {
  const { received } = await listening();
  const sender = await host.connect({ cid, port });
  await new Promise((resolve) => sender.write('{"a":', resolve));
  sender.destroy();
  equal(Buffer.from(await received).toString(), '{"a":');
});

test('an aborted signal frees the port', async () => {
  const aborter = new AbortController();
  const { received } = await listening({ signal: aborter.signal });
  const reason = new Error('stop');
  aborter.abort(reason);
  await rejects(received, reason);
  deepEqual(readdirSync(join(directory, '16')), []);
  await rejects(receiveConfig({ transport: enclave, port, signal: aborter.signal }), reason);
});

test('hears only the peer it was told to', async () => {
  const { received } = await listening({ peerCid: hostCid });
  const stranger = createFabricTransport({ directory, localCid: toCid(17) });
  const bytes = Buffer.from('{"evil":true}');
  await sendConfig({ transport: stranger, cid, port, bytes, timeoutMs: 1_000 }).catch(() => {});
  await sendConfig({ transport: host, cid, port, bytes: Buffer.from('{}'), timeoutMs: 1_000 });
  equal(Buffer.from(await received).toString(), '{}');
});

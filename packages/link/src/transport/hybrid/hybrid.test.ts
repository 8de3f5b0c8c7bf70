// The hybrid's own promises: Firecracker's words to the byte, and far sides that refuse, stall or are somebody else.
// What it shares with the other transports is in contract.test.ts.
import { deepEqual, equal, rejects, throws } from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CID_ANY, toCid, toVsockPort } from '@caisson/core/address';
import type { Transport } from '../transport.ts';
import { createHybridTransport } from './hybrid.ts';

const [hostCid, guestCid, otherCid] = [toCid(3), toCid(16), toCid(17)];
const port = toVsockPort(5000);
let directory: string;
let path: string;
let host: Transport;
let server: Server | undefined;
let sockets: Socket[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  path = join(directory, 'guest');
  host = createHybridTransport({ localCid: hostCid, peers: new Map([[guestCid, path]]) });
  sockets = [];
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server?.close();
  server = undefined;
  rmSync(directory, { recursive: true });
});

/** A far side below the hybrid: it does what the test does. */
async function muxer(serve: (socket: Socket) => void): Promise<void> {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket.on('error', () => {}));
    serve(socket);
  }).listen(path);
  await once(server, 'listening');
}

const target = { cid: guestCid, port };

test('says CONNECT and the port, and loses no byte that follows OK, split at every byte', {
  timeout: 300_000,
}, async () => {
  const answer = Buffer.from('OK 1073741824\nwelcome');
  for (let split = 1; split <= answer.length; split += 1) {
    let request = '';
    await muxer((socket) => {
      socket.on('data', (chunk) => {
        request += chunk;
      });
      socket.write(answer.subarray(0, split), async () => {
        await nextTurn();
        await nextTurn();
        socket.end(answer.subarray(split));
      });
    });
    const dialled = await host.connect(target);
    dialled.end('data');
    let welcome = '';
    for await (const chunk of dialled) welcome += chunk;
    equal(welcome, 'welcome', `split at ${split}`);
    while (request.length < 'CONNECT 5000\ndata'.length) await nextTurn();
    equal(request, 'CONNECT 5000\ndata');
    await new Promise((resolve) => server?.close(resolve));
  }
});

test('reads a close instead of OK as ECONNREFUSED, at any byte of the line', async () => {
  for (const said of ['', 'O', 'OK 107374182']) {
    await muxer((socket) => socket.once('data', () => socket.end(said, () => socket.destroy())));
    await rejects(host.connect(target), {
      code: 'ECONNREFUSED',
      message: 'connect ECONNREFUSED vsock:16:5000: the far side closed instead of OK',
    });
    await new Promise((resolve) => server?.close(resolve));
  }
});

test('refuses an answer that is not OK and a number with EPROTO', async () => {
  for (const said of [
    'HTTP/1.1 400 Bad Request\n',
    'OK\n',
    'OK -1\n',
    'OK 4294967296\n',
    'OK 01\n',
    `OK ${'1'.repeat(64)}`,
  ]) {
    await muxer((socket) => socket.once('data', () => socket.write(said)));
    await rejects(host.connect(target), { code: 'EPROTO' }, said);
    await new Promise((resolve) => {
      server?.close(resolve);
      for (const socket of sockets) socket.destroy();
    });
  }
});

test('ends a dial that is never answered with ETIMEDOUT at its deadline, and an aborted one at once', async () => {
  await muxer(() => {});
  await rejects(host.connect(target, { timeoutMs: 100 }), {
    code: 'ETIMEDOUT',
    message: 'connect ETIMEDOUT vsock:16:5000: the far side did not answer CONNECT in time',
  });
  const aborter = new AbortController();
  const reason = new Error('the caller went away');
  const accepted = once(server!, 'connection');
  const dial = host.connect(target, { timeoutMs: 60_000, signal: aborter.signal });
  dial.catch(() => {});
  await accepted;
  aborter.abort(reason);
  await rejects(dial, reason);
});

test('reaches only the CIDs it was given, others are ENODEV', async () => {
  const message = 'connect ENODEV vsock:17:5000: only cid 16 is known';
  await rejects(host.connect({ cid: otherCid, port }), { code: 'ENODEV', message });
  equal(host.planDial({ cid: otherCid, port }), undefined);
  const listen = host.listen({ cid: hostCid, port }, { peerCid: otherCid }, () => {});
  await rejects(listen, { code: 'ENODEV' });
  await rejects(
    host.listen({ cid: otherCid, port }, {}, () => {}),
    { code: 'EADDRNOTAVAIL' },
  );
});

test('hears each guest on PATH_<port> and knows him by the path', async () => {
  const peers = new Map([
    [guestCid, path],
    [otherCid, join(directory, 'other')],
  ]);
  const both = createHybridTransport({ localCid: hostCid, peers });
  const listener = await both.listen({ cid: CID_ANY, port }, {}, (socket, peer) => {
    sockets.push(socket);
    socket.end(`cid ${peer.cid} port ${peer.port}`);
  });
  equal(await ask(`${path}_5000`), 'cid 16 port 0');
  equal(await ask(join(directory, 'other_5000')), 'cid 17 port 0');
  await listener.close();
  equal(existsSync(`${path}_5000`) || existsSync(join(directory, 'other_5000')), false);
});

async function ask(file: string): Promise<string> {
  let answer = '';
  const socket = connect(file);
  sockets.push(socket);
  for await (const chunk of socket) answer += chunk;
  return answer;
}

test('lets two guests have one port unless it is host-wide, where the second is refused and nothing is left over', async () => {
  const peers = new Map([
    [guestCid, path],
    [otherCid, join(directory, 'other')],
  ]);
  const local = { cid: hostCid, port };
  for (const hostWide of [false, true]) {
    const transport = createHybridTransport({ localCid: hostCid, peers, hostWide });
    const first = await transport.listen(local, { peerCid: guestCid }, () => {});
    const second = transport.listen(local, { peerCid: otherCid }, () => {});
    if (hostWide) await rejects(second, { code: 'EADDRINUSE' });
    else await (await second).close();
    equal(existsSync(join(directory, 'other_5000')), hostWide);
    await first.close();
    equal(existsSync(`${path}_5000`) || existsSync(join(directory, 'other_5000')), false);
  }
});

test('refuses a path that leaves no room for the port', () => {
  const open = (bytes: number): Transport =>
    createHybridTransport({ localCid: hostCid, peers: new Map([[guestCid, 'x'.repeat(bytes)]]) });
  open(96);
  for (const bytes of [0, 97]) {
    throws(() => open(bytes), {
      name: 'LimitError',
      code: 'TRANSPORT_PATH_LENGTH',
      message: `hybrid path of cid 16 must have 1..96 bytes to leave room for _PORT, got ${bytes}`,
    });
  }
});

test('plans for the native engine what it does itself, and nothing where one address would not do', async () => {
  const dial = host.planDial(target);
  deepEqual(dial, {
    address: { kind: 'unix', path },
    preface: Buffer.from('CONNECT 5000\n'),
    replyLine: { prefix: 'OK ', maxBytes: 32 },
  });
  const plan = await host.planListen({ cid: CID_ANY, port });
  deepEqual(plan?.address, { kind: 'unix', path: `${path}_5000` });
  equal(plan.acceptLine, undefined);
  equal(plan.parseLine, undefined);
  await plan.release();
  const peers = new Map([
    [guestCid, path],
    [otherCid, join(directory, 'other')],
  ]);
  equal(await createHybridTransport({ localCid: hostCid, peers }).planListen({ cid: CID_ANY, port }), undefined);
});

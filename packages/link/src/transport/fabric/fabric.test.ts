// The fabric's own promises: what is on the wire, whom a listener hears, and diallers that die, stall or lie.
// What it shares with the other transports is in contract.test.ts.
import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CID_ANY, toCid, toVsockPort } from '@caisson/core/address';
import { laneBoundMs } from '@caisson/testkit/contract';
import type { Transport, TransportListener, TransportPeer } from '../transport.ts';
import { createFabricTransport } from './fabric.ts';

const [parentCid, enclaveCid, otherCid] = [toCid(3), toCid(16), toCid(17)];
const port = toVsockPort(5000);
let directory: string;
let parent: Transport;
let enclave: Transport;
let listeners: TransportListener[];
let sockets: Socket[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  parent = createFabricTransport({ directory, localCid: parentCid });
  enclave = createFabricTransport({ directory, localCid: enclaveCid });
  listeners = [];
  sockets = [];
});
afterEach(async () => {
  for (const listener of listeners) await listener.close();
  for (const socket of sockets) socket.destroy();
  rmSync(directory, { recursive: true });
});

/** An enclave that echoes, and the peers it has served. */
async function echo(backlog = 4_096): Promise<TransportPeer[]> {
  const peers: TransportPeer[] = [];
  const serve = (socket: Socket, peer: TransportPeer): void => {
    peers.push(peer);
    sockets.push(socket.on('error', () => {}));
    socket.pipe(socket);
  };
  listeners.push(await enclave.listen({ cid: enclaveCid, port }, { backlog }, serve));
  return peers;
}

/** A dialler below the fabric: it says what the test says. */
function dialRaw(): Socket {
  const socket = connect({ path: join(directory, '16', '5000'), allowHalfOpen: true });
  sockets.push(socket.on('error', () => {}));
  return socket;
}

async function closing(socket: Socket): Promise<void> {
  // On a busy machine it may have been cut off before anybody asks.
  if (socket.destroyed || socket.readableEnded) return;
  await new Promise((resolve) => socket.resume().once('end', resolve).once('close', resolve));
}

test('takes preamble and data in one segment, split at every byte, and loses none', async () => {
  const peers = await echo();
  const stream = Buffer.from('CAISSON-FABRIC/1 3 1024\nhello');
  for (let split = 0; split <= stream.length; split += 1) {
    const socket = dialRaw();
    if (split > 0) socket.write(stream.subarray(0, split));
    await nextTurn();
    await nextTurn();
    socket.end(stream.subarray(split));
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    equal(answer, 'hello', `split at ${split}`);
  }
  equal(peers.length, stream.length + 1);
  deepEqual(peers[0], { cid: 3, port: 1024 });
});

test('resets every dialler whose preamble is bad, before the listener hears of him', async () => {
  const peers = await echo();
  const bad = ['GET / HTTP/1.1\n', 'CAISSON-FABRIC/1 3\n', 'CAISSON-FABRIC/2 3 1\n', '\n', `${'x'.repeat(40)}\n`];
  for (const preamble of bad) {
    const socket = dialRaw();
    socket.write(preamble);
    await closing(socket);
  }
  equal(peers.length, 0);
});

test('forgets diallers that die between any two bytes of their preamble', { timeout: 300_000 }, async () => {
  const peers = await echo();
  const before = readdirSync('/proc/self/fd').length;
  const preamble = Buffer.from('CAISSON-FABRIC/1 3 1024\n');
  for (let length = 0; length < preamble.length; length += 1) {
    const socket = dialRaw();
    await once(socket, 'connect');
    if (length > 0) await new Promise((resolve) => socket.write(preamble.subarray(0, length), resolve));
    socket.destroy();
  }
  const honest = await parent.connect({ cid: enclaveCid, port });
  sockets.push(honest);
  honest.write('x');
  await once(honest, 'data');
  equal(peers.length, 1);
  // The honest pair is open; of the dead ones nothing is.
  while (readdirSync('/proc/self/fd').length > before + 2) await nextTurn();
});

test('closes a slow preamble 1 s after the accept, however steadily its bytes come', async () => {
  await echo();
  const tookMs = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const socket = dialRaw();
      await once(socket, 'connect');
      const startedAtMs = performance.now();
      const trickle = setInterval(() => socket.write('C'), 100);
      await closing(socket);
      clearInterval(trickle);
      return performance.now() - startedAtMs;
    }),
  );
  ok(
    Math.min(...tookMs) >= 800 && Math.min(...tookMs) <= laneBoundMs(1_200),
    `closed after ${tookMs.map(Math.round)} ms`,
  );
});

test('serves 200 honest dials while 1,024 half preambles are held open', async () => {
  const peers = await echo();
  const half = Array.from({ length: 1_024 }, dialRaw);
  await Promise.all(half.map((socket) => once(socket, 'connect')));
  for (const socket of half) socket.write('CAISSON-FABRIC/1 17 ');
  for (let round = 0; round < 200; round += 1) {
    const honest = await parent.connect({ cid: enclaveCid, port });
    honest.write('x');
    await once(honest, 'data');
    honest.destroy();
  }
  equal(peers.length, 200);
  ok(peers.every((peer) => peer.cid === parentCid));
  await Promise.all(half.map(closing));
});

test('says its own CID and a source port first, and then what the caller says', async () => {
  mkdirSync(join(directory, '16'), { mode: 0o700 });
  const server = createServer().listen(join(directory, '16', '5000'));
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const dialled = await parent.connect({ cid: enclaveCid, port });
  dialled.end('data');
  const [socket] = (await accepted) as [Socket];
  let seen = '';
  for await (const chunk of socket) seen += chunk;
  match(seen, /^CAISSON-FABRIC\/1 3 [0-9]{4,10}\ndata$/);
  dialled.destroy();
  server.close();
});

test('retries a full backlog (EAGAIN) until its deadline, and connects as soon as there is room', async () => {
  mkdirSync(join(directory, '16'), { mode: 0o700 });
  const path = join(directory, '16', '5000');
  const code = `require('net').createServer().listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    child.kill('SIGSTOP');
    await fillBacklog();
    const startedAtMs = performance.now();
    await rejects(parent.connect({ cid: enclaveCid, port }, { timeoutMs: 150 }), {
      code: 'ETIMEDOUT',
      message: 'connect ETIMEDOUT vsock:16:5000: its backlog stayed full for 150 ms',
    });
    ok(performance.now() - startedAtMs >= 145);
    const dial = parent.connect({ cid: enclaveCid, port }, { timeoutMs: 10_000 });
    child.kill('SIGCONT');
    sockets.push((await dial).on('error', () => {}));
  } finally {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
});

/** Dials until the kernel itself says EAGAIN, so that the test above cannot pass without a full backlog. */
async function fillBacklog(): Promise<void> {
  for (;;) {
    const outcome = await new Promise((resolve) => {
      const socket = connect({ path: join(directory, '16', '5000') });
      sockets.push(socket.on('error', resolve).once('connect', () => resolve(undefined)));
    });
    if (outcome === undefined) continue;
    equal((outcome as NodeJS.ErrnoException).code, 'EAGAIN');
    return;
  }
}

test('refuses to dial through a link that an enclave laid in its folder', async () => {
  await echo();
  symlinkSync(join(directory, '16', '5000'), join(directory, '16', '5001'));
  await rejects(parent.connect({ cid: enclaveCid, port: toVsockPort(5001) }), { code: 'ELOOP' });
});

test('refuses reserved CIDs with ENODEV, its own under another number with EADDRNOTAVAIL', async () => {
  for (const cid of [0, 1, 2, CID_ANY]) {
    await rejects(parent.connect({ cid: cid as typeof CID_ANY, port }), { code: 'ENODEV' });
    equal(parent.planDial({ cid: cid as typeof CID_ANY, port }), undefined);
    throws(() => createFabricTransport({ directory, localCid: cid as typeof CID_ANY }), TypeError);
  }
  const reason = 'listen EADDRNOTAVAIL vsock:17:5000: this side is cid 16';
  await rejects(
    enclave.listen({ cid: otherCid, port }, {}, () => {}),
    { code: 'EADDRNOTAVAIL', message: reason },
  );
});

test('refuses a deadline that is no whole number of milliseconds', async () => {
  for (const timeoutMs of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2_147_483_648]) {
    await rejects(parent.connect({ cid: enclaveCid, port }, { timeoutMs }), TypeError);
  }
});

test('shares a port between listeners of one process, each for an enclave of its own', async () => {
  const other = createFabricTransport({ directory, localCid: otherCid });
  const local = { cid: parentCid, port };
  const first = await parent.listen(local, { peerCid: enclaveCid }, (socket) => socket.end('for 16'));
  const second = await parent.listen(local, { peerCid: otherCid }, (socket) => socket.end('for 17'));
  listeners.push(first, second);
  equal(await readAll(await enclave.connect({ cid: parentCid, port })), 'for 16');
  equal(await readAll(await other.connect({ cid: parentCid, port })), 'for 17');

  await first.close();
  await first.close();
  equal(await readAll(await enclave.connect({ cid: parentCid, port })), '');
  equal(await readAll(await other.connect({ cid: parentCid, port })), 'for 17');
  await second.close();
  await rejects(other.connect({ cid: parentCid, port }), { code: 'ECONNREFUSED' });
});

test('shares a port neither for one enclave twice, nor beside a listener for all, nor when it is host-wide', async () => {
  const local = { cid: parentCid, port };
  const hostWide = createFabricTransport({ directory, localCid: parentCid, hostWide: true });
  for (const [transport, first, second] of [
    [parent, { peerCid: enclaveCid }, { peerCid: enclaveCid }],
    [parent, {}, { peerCid: enclaveCid }],
    [parent, { peerCid: enclaveCid }, {}],
    [hostWide, { peerCid: enclaveCid }, { peerCid: otherCid }],
  ] as const) {
    const listener = await transport.listen(local, first, () => {});
    const whom = 'peerCid' in first ? 'peer cid 16' : 'every peer';
    await rejects(
      transport.listen(local, second, () => {}),
      { code: 'EADDRINUSE', message: `listen EADDRINUSE vsock:3:5000: this process listens there for ${whom}` },
    );
    await listener.close();
  }
});

async function readAll(socket: Socket): Promise<string> {
  let text = '';
  // A reset after the preamble may come as an error or as an end; both are an empty answer here.
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await closing(socket);
  socket.destroy();
  return text;
}

test('plans for the native engine what it does itself', async () => {
  const plan = await enclave.planListen({ cid: CID_ANY, port });
  const path = join(directory, '16', '5000');
  deepEqual(plan?.address, { kind: 'unix', path });
  deepEqual(plan.acceptLine, { maxBytes: 40, timeoutMs: 1_000 });
  deepEqual(plan.parseLine?.('CAISSON-FABRIC/1 3 1024'), { cid: 3, port: 1024 });
  throws(() => plan.parseLine?.('hello'), { code: 'TRANSPORT_PREAMBLE' });
  const dial = parent.planDial({ cid: enclaveCid, port });
  deepEqual(dial?.address, { kind: 'unix', path });
  match(Buffer.from(dial.preface!).toString(), /^CAISSON-FABRIC\/1 3 [0-9]{4,10}\n$/);
  equal(dial.replyLine, undefined);
});

test('a plan removes a dead file before and after the engine, and leaves a living listener alone', async () => {
  const path = join(directory, '16', '5000');
  const plan = await enclave.planListen({ cid: enclaveCid, port });
  await leaveDeadFile(path);
  await plan?.release();
  deepEqual(readdirSync(join(directory, '16')), []);
  await leaveDeadFile(path);
  await enclave.planListen({ cid: enclaveCid, port });
  deepEqual(readdirSync(join(directory, '16')), []);
  await echo();
  await plan?.release();
  deepEqual(readdirSync(join(directory, '16')), ['5000']);
  await rejects(enclave.planListen({ cid: enclaveCid, port }), { code: 'EADDRINUSE' });
});

async function leaveDeadFile(path: string): Promise<void> {
  const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', code], { stdio: 'ignore' }), 'exit');
  ok(readdirSync(join(path, '..')).includes('5000'));
}

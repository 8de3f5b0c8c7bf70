// Descriptors on their way into Node: what is not swapped is closed, what is not ours is left alone.
import { equal, ok, throws } from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { countSockets } from '@caisson/testkit/fake';
import { adoptServer, adoptSocket } from './adopt.ts';
import { loadAddon } from './load.ts';

const { addon } = loadAddon();
const skip = addon === undefined && 'the addon is not built';
const loopback = 0x7f000001;
const turn = () => new Promise((resolve) => setImmediate(resolve));

function listenSomewhere(backlog = 4_096): { fd: number; port: number } {
  for (;;) {
    const port = randomInt(2_000, 32_000);
    const fd = addon!.listenLoopback(loopback, port, backlog);
    if (fd >= 0) return { fd, port };
  }
}

test('a server takes the number of its placeholder over and is an ordinary server from then on', { skip }, async () => {
  const before = countSockets();
  const { fd, port } = listenSomewhere();
  const real = readlinkSync(`/proc/self/fd/${fd}`);
  const server = await adoptServer(addon!, fd, 'vsock:3:1');
  equal(countSockets(), before + 1);
  equal(readdirSync('/proc/self/fd').filter((entry) => isLinkTo(entry, real)).length, 1, 'the same socket, once');
  const accepted = once(server, 'connection');
  await new Promise((done) => addon!.connectLoopback(loopback, port, loopback, 1_000, done));
  (await accepted)[0].destroy();
  const closed = once(server, 'close');
  server.close();
  await closed;
  await turn();
  const again = addon!.listenLoopback(loopback, port, 1);
  ok(again >= 0, 'the address is free again');
  addon!.discard(again);
  equal(countSockets(), before);
});

function isLinkTo(entry: string, link: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${entry}`) === link;
  } catch {
    return false;
  }
}

test('a descriptor that is not swapped inside the callback is closed when it returns', { skip }, async () => {
  const { fd: listener, port } = listenSomewhere();
  const before = countSockets();
  for (let round = 0; round < 20; round += 1) {
    const fd = await new Promise<number>((done) => addon!.connectLoopback(loopback, port, loopback, 1_000, done));
    ok(fd >= 0);
    equal(addon!.swap(fd, addon!.placeholder()), -9, 'too late: EBADF');
  }
  // The placeholders are still the addon's own.
  equal(countSockets(), before + 20);
  for (let fd = 0; fd < 4_096; fd += 1) addon!.discard(fd);
  equal(countSockets(), before - 1);
  ok(listener >= 0);
});

test('swap and discard touch no descriptor that the addon did not make', { skip }, () => {
  const file = openSync('/dev/null', 'r');
  const placeholder = addon!.placeholder();
  equal(addon!.swap(file, placeholder), -9);
  equal(addon!.swap(placeholder, file), -9);
  equal(addon!.swap(placeholder, placeholder), -9);
  equal(addon!.discard(file), 0);
  equal(readlinkSync(`/proc/self/fd/${file}`), '/dev/null');
  addon!.discard(placeholder);
  closeSync(file);
});

test('a placeholder whose number now means another file is left alone', { skip }, () => {
  const placeholder = addon!.placeholder();
  // As libuv would, behind the addon's back; the lowest free number is the one just closed.
  closeSync(placeholder);
  const file = openSync('/dev/null', 'r');
  equal(file, placeholder);
  addon!.discard(placeholder);
  equal(readlinkSync(`/proc/self/fd/${file}`), '/dev/null');
  closeSync(file);
});

test('when the placeholder or the swap fails, the error names it and nothing stays open', { skip }, async () => {
  const before = countSockets();
  const noPlaceholder = { ...addon!, placeholder: () => -24 };
  throws(() => adoptSocket(noPlaceholder, addon!.placeholder(), 'vsock:3:1'), {
    code: 'EMFILE',
    message: 'socket EMFILE vsock:3:1: no descriptor for the placeholder',
  });
  const noSwap = { ...addon!, swap: () => -16 };
  throws(() => adoptSocket(noSwap, addon!.placeholder(), 'vsock:3:1'), { code: 'EBUSY', syscall: 'dup3' });
  await adoptServer(noSwap, listenSomewhere().fd, 'vsock:3:1').then(
    () => ok(false),
    (error) => equal(error.code, 'EBUSY'),
  );
  await turn();
  equal(countSockets(), before);
});

const workerSource = `
  const { parentPort, workerData } = require('node:worker_threads');
  (async () => {
    const { loadAddon } = await import(workerData.load);
    const { adoptSocket } = await import(workerData.adopt);
    const { addon } = loadAddon();
    const { host, port, hole, count } = workerData;
    for (let index = 0; index < count; index += 1) {
      addon.connectLoopback(host, hole, host, 60000, () => {});
      addon.connectLoopback(host, port, host, 60000, (fd) => { if (fd >= 0) adoptSocket(addon, fd, 'vsock:3:1').on('error', () => {}); });
      addon.placeholder();
    }
    parentPort.postMessage('dialling');
    // A busy thread is struck in the middle of its JavaScript.
    for (;;) { addon.discard(addon.placeholder()); await null; }
  })();
`;

test('a worker that is ended in the middle of connecting leaves no descriptor and harms nobody', { skip }, async () => {
  const { fd: listener, port } = listenSomewhere();
  const server = await adoptServer(addon!, listener, 'vsock:3:1');
  server.on('connection', (socket) => socket.on('error', () => {}).destroy());
  const { fd: full, port: hole } = listenSomewhere(0);
  await new Promise((done) => addon!.connectLoopback(loopback, hole, loopback, 1_000, done));
  const workerData = {
    load: new URL('load.ts', import.meta.url).href,
    adopt: new URL('adopt.ts', import.meta.url).href,
    host: loopback,
    port,
    hole,
    count: 20,
  };
  const before = countSockets();
  for (let round = 0; round < 12; round += 1) {
    const worker = new Worker(workerSource, { eval: true, workerData });
    await once(worker, 'message');
    if (round % 2 === 0) await turn();
    await worker.terminate();
  }
  for (let round = 0; countSockets() > before && round < 500; round += 1) await turn();
  equal(countSockets(), before);
  addon!.discard(full);
  server.close();
});

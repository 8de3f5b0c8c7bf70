// What clients said before the engine accepted them. The engine's process is suspended while they come, so that everything
// is there when it looks: it reads before it watches, and the far side may not take all of it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import {
  connectTo,
  digestOf,
  finish,
  hasEngine,
  openEcho,
  openFarSide,
  readAll,
  startStarved,
  until,
} from '@caisson/testkit/loopback';

const skip = !hasEngine() && 'the addon is not built';
const crowd = 16;
const descriptors = 256;
const question = randomBytes(1024 * 1024);

describe('native engine, clients that spoke before they were accepted', { skip }, () => {
  test('carries what they sent, and their EOF, to a far side that takes it later', async (t) => {
    const arrived: Socket[] = [];
    const side = await openFarSide(t, 'unix', (socket) => arrived.push(socket), { pauseOnConnect: true });
    assert.ok(side.address.kind === 'unix');
    const bridge = await startStarved(t, side.address.path, descriptors);
    bridge.suspend();
    const clients = await Promise.all(Array.from({ length: crowd }, () => connectTo(bridge.address)));
    const answers = clients.map(readAll);
    for (const client of clients) client.end(question);
    bridge.resume();
    await until('all are dialled for', () => arrived.length === crowd);
    const seen = arrived.map(async (socket) => {
      const bytes = await readAll(socket.resume());
      socket.end('answer');
      return digestOf(bytes);
    });
    assert.deepEqual(await Promise.all(seen), Array(crowd).fill(digestOf(question)));
    assert.deepEqual(new Set((await Promise.all(answers)).map(String)), new Set(['answer']));
    const { forwardBytes, active, failed } = await bridge.end();
    assert.deepEqual({ forwardBytes, active, failed }, { forwardBytes: crowd * question.length, active: 0, failed: 0 });
  });

  test('lets go of those that were reset meanwhile, and serves the next', async (t) => {
    const echo = await openEcho(t, 'unix');
    assert.ok(echo.address.kind === 'unix');
    const bridge = await startStarved(t, echo.address.path, descriptors);
    bridge.suspend();
    const clients = await Promise.all(Array.from({ length: crowd }, () => connectTo(bridge.address)));
    await Promise.all(clients.map((client) => new Promise((resolve) => client.write('unfinished', resolve))));
    for (const client of clients) client.resetAndDestroy();
    await Promise.all(clients.map(finish));
    bridge.resume();
    const next = await connectTo(bridge.address);
    const answer = readAll(next);
    next.end('whole');
    assert.equal(String(await answer), 'whole');
    await until('nobody is left', () => echo.sockets.size === 0);
    const { active, accepted, failed } = await bridge.end();
    assert.deepEqual({ active, accepted, failed }, { active: 0, accepted: crowd + 1, failed: 0 });
  });
});

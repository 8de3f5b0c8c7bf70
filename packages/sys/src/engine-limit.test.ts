// Caps, clocks and shortages: what the native engine does when there is too much, or nothing, or no room.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { laneBoundMs } from '@caisson/testkit/contract';
import {
  connectTo,
  finish,
  hasEngine,
  openEcho,
  openEngine,
  openFarSide,
  openListener,
  outcomeOf,
  readAll,
  startStarved,
  until,
} from '@caisson/testkit/loopback';
import type { NativeAddress } from './kernel.ts';
import type { NativeEvent } from './native-engine.ts';

const skip = !hasEngine() && 'the addon is not built';

describe('native engine, limits', { skip }, () => {
  test('resets a connection over the cap within 50 ms, counts it and serves the next one after a close', async (t) => {
    const echo = await openEcho(t, 'unix');
    const events: NativeEvent[] = [];
    const listener = openListener(t, 'tcp', {
      targets: [{ address: echo.address }],
      maxConnections: 4,
      onEvents: (batch) => events.push(...batch),
    });
    const within = await Promise.all([1, 2, 3, 4].map(() => connectTo(listener.address)));
    await until('four are served', () => listener.counters().active === 4);
    const waits: number[] = [];
    for (let round = 0; round < 20; round++) {
      const started = performance.now();
      const outcome = await connectTo(listener.address).then(outcomeOf, (error: NodeJS.ErrnoException) => error.code);
      waits.push(performance.now() - started);
      assert.equal(outcome, 'ECONNRESET');
    }
    waits.sort((left, right) => left - right);
    assert.ok((waits[10] ?? 0) < laneBoundMs(50), `median ${waits[10]} ms`);
    const { accepted, refused, active } = listener.counters();
    assert.deepEqual({ accepted, refused, active }, { accepted: 4, refused: 20, active: 4 });
    await until('the events', () => events.filter(({ type }) => type === 'refused').length === 20);
    const [first, ...rest] = within;
    assert.ok(first !== undefined);
    await finish(first);
    await until('a place is free', () => listener.counters().active === 3);
    const answer = readAll(await connectTo(listener.address).then((socket) => socket.end('again')));
    assert.equal((await answer).toString(), 'again');
    await Promise.all(rest.map(finish));
  });

  test('applies new limits to connections accepted from now on', async (t) => {
    const echo = await openEcho(t, 'unix');
    const listener = openListener(t, 'tcp', {
      targets: [{ address: echo.address }],
      maxConnections: 1,
      idleTimeoutMs: 0,
    });
    const first = await connectTo(listener.address);
    await until('served', () => listener.counters().active === 1);
    listener.setLimits({ maxConnections: 2, idleTimeoutMs: 100 });
    const second = await connectTo(listener.address);
    assert.equal(await outcomeOf(second), 'ECONNRESET');
    const answer = readAll(first);
    first.end('the first has no idle limit');
    assert.equal((await answer).toString(), 'the first has no idle limit');
    assert.throws(
      () => listener.setLimits({ maxConnections: 0 }),
      /maxConnections must be an integer in 1\.\.4294967295, got 0/,
    );
  });

  test('aborts a connection whose open directions have all been idle, and says so for each', async (t) => {
    const side = await openFarSide(t, 'tcp', () => {});
    const events: NativeEvent[] = [];
    const listener = openListener(t, 'tcp', {
      targets: [{ address: side.address }],
      idleTimeoutMs: 150,
      onEvents: (batch) => events.push(...batch),
    });
    const started = performance.now();
    const socket = await connectTo(listener.address);
    assert.equal(await outcomeOf(socket), 'ECONNRESET');
    const tookMs = performance.now() - started;
    assert.ok(tookMs >= 130 && tookMs < laneBoundMs(500), `${tookMs} ms`);
    const half = await connectTo(listener.address);
    half.end();
    assert.equal(await outcomeOf(half), 'ECONNRESET');
    await until('the results', () => events.filter(({ type }) => type === 'closed').length === 2);
    const errors = events.flatMap((event) =>
      event.type === 'closed' ? [[event.forwardError, event.backwardError]] : [],
    );
    assert.deepEqual(errors, [
      ['idle timeout', 'idle timeout'],
      [undefined, 'idle timeout'],
    ]);
  });

  test('keeps a connection alive by bytes in one direction only', async (t) => {
    const side = await openFarSide(t, 'tcp', (socket) => socket.resume());
    const listener = openListener(t, 'tcp', { targets: [{ address: side.address }], idleTimeoutMs: 150 });
    const socket = await connectTo(listener.address);
    const outcome = outcomeOf(socket);
    const started = performance.now();
    while (performance.now() - started < 500) {
      socket.write('.');
      await new Promise((settle) => setTimeout(settle, 30));
    }
    assert.equal(listener.counters().active, 1);
    assert.equal(await outcome, 'ECONNRESET');
    assert.ok(performance.now() - started >= 600);
  });

  test('survives shortages of descriptors and serves 20 of 20 after each (R-B6)', { timeout: 300_000 }, async (t) => {
    const cycles = process.env['CAISSON_LANE'] === 'deep' ? 50 : 4;
    const echo = await openEcho(t, 'unix');
    assert.ok(echo.address.kind === 'unix');
    let exhausted = 0;
    // A connection takes two descriptors: with one limit the table is full when accepting, with the next when dialling.
    for (const descriptors of [128, 129]) {
      const starved = await startStarved(t, echo.address.path, descriptors);
      for (let cycle = 0; cycle < cycles; cycle++) {
        const crowd = await Promise.allSettled(Array.from({ length: 400 }, () => connectTo(starved.address)));
        const sockets = crowd.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
        await Promise.all(sockets.map(finish));
        // The crowd still stands in the backlog, hung up; who meets the last of them is turned away and asks again.
        for (let served = false; !served; ) served = await isServed(starved.address);
        await until('the crowd has gone', () => echo.sockets.size === 0);
        for (let round = 0; round < 20; round++) {
          const answer = readAll((await connectTo(starved.address)).end('x'));
          assert.equal((await answer).toString(), 'x', `limit ${descriptors}, cycle ${cycle}, round ${round}`);
        }
      }
      const end = await starved.end();
      assert.equal(end['active'], 0);
      assert.ok((end['exhausted'] ?? 0) + (end['failed'] ?? 0) > 0, 'the shortage was met');
      assert.ok(
        (end['cpuMs'] ?? Infinity) < 2_000 + 1_000 * cycles,
        `${end['cpuMs']} ms of CPU: it span on a full table`,
      );
      exhausted += end['exhausted'] ?? 0;
    }
    assert.ok(exhausted > 0, 'the reserve descriptor was used');
  });

  test('drains: accepts nothing new, lets what lives end, and aborts the rest after the grace', async (t) => {
    const echo = await openEcho(t, 'tcp');
    const events: NativeEvent[] = [];
    const engine = openEngine(t);
    const listener = openListener(
      t,
      'tcp',
      { targets: [{ address: echo.address }], onEvents: (batch) => events.push(...batch) },
      engine,
    );
    const polite = await connectTo(listener.address);
    const stubborn = await connectTo(listener.address);
    await until('both are served', () => listener.counters().active === 2);
    const stubbornEnd = outcomeOf(stubborn);
    const drained = listener.drain(200);
    await listener.stop();
    await assert.rejects(connectTo(listener.address), { code: 'ECONNREFUSED' });
    const answer = readAll(polite);
    polite.end('one last word');
    assert.equal((await answer).toString(), 'one last word');
    const started = performance.now();
    await drained;
    assert.ok(performance.now() - started < laneBoundMs(500));
    assert.equal(await stubbornEnd, 'ECONNRESET');
    const errors = events.flatMap((event) => (event.type === 'closed' ? [event.forwardError] : []));
    assert.deepEqual(errors, [undefined, 'drained']);
    assert.equal(listener.counters().active, 0);
  });

  test('ends a drain as soon as the last connection has gone', async (t) => {
    const echo = await openEcho(t, 'unix');
    const listener = openListener(t, 'tcp', { targets: [{ address: echo.address }] });
    const socket = await connectTo(listener.address);
    await until('served', () => listener.counters().active === 1);
    const started = performance.now();
    const drained = listener.drain(30_000);
    await finish(socket);
    await drained;
    assert.ok(performance.now() - started < laneBoundMs(1_000));
  });
});

async function isServed(address: NativeAddress): Promise<boolean> {
  const answer = await connectTo(address)
    .then(
      (socket) => readAll(socket.end('?')),
      () => undefined,
    )
    .catch(() => undefined);
  return answer?.toString() === '?';
}

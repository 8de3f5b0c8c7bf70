// Promises about bounds: the cap, the idle and the dial time-out, limits that change, addresses, the order of an end.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { laneBoundMs } from '../lane.ts';
import type { BridgePromise } from './promise.ts';
import { echo, eventually, outcomeOf, roundTrip, within } from './stream.ts';
import type { Water } from './water.ts';

// Chosen. Given by the test plan: a refusal within 50 ms, of which a busy machine gets some more for the test's own part.
const refusedWithinMs = laneBoundMs(50);
const idleMs = 160;
const graceMs = 200;
const ping = Buffer.from('ping');

export const boundPromises: readonly BridgePromise[] = [
  {
    title: 'resets a connection over the cap within 50 ms, counts it, tells of it once, and the others go on',
    async run(water) {
      const far = await water.serve(echo);
      const bridge = await water.open(far.address, { limits: { maxConnections: 2 } });
      const kept = [await water.connect(bridge), await water.connect(bridge)];
      for (const socket of kept) await roundTrip(socket, ping);
      const tookMs: number[] = [];
      for (let turn = 0; turn < 5; turn += 1) {
        const startedMs = performance.now();
        const outcome = await water.outcome(bridge);
        tookMs.push(performance.now() - startedMs);
        if (water.options.near === 'tcp') assert.equal(outcome, 'ECONNRESET');
      }
      assert.ok(Math.min(...tookMs) <= refusedWithinMs, `refused after ${tookMs.map(Math.round).join(', ')} ms`);
      await eventually(
        () => refusals(water) === 5,
        () => `five refused events, got ${refusals(water)}`,
      );
      for (const socket of kept) await roundTrip(socket, ping);
      const { accepted, refused, active } = bridge.counters();
      assert.deepEqual({ refused, active }, { refused: 5, active: 2 });
      assert.equal(accepted, 2, 'a refused connection is not counted as accepted');
      kept[0]!.destroy();
      await eventually(() => bridge.counters().active === 1, 'a free place');
      await roundTrip(await water.connect(bridge), ping);
    },
  },
  {
    title: 'aborts a connection that is idle in every open direction, and says so for each',
    async run(water) {
      const far = await water.serve(echo);
      const bridge = await water.open(far.address, { limits: { idleTimeoutMs: idleMs } });
      const socket = await water.connect(bridge);
      // Before the last byte: the bridge may see it pass long before this thread hears of it.
      const startedMs = performance.now();
      await roundTrip(socket, ping);
      const outcome = await within(outcomeOf(socket), 'the end of an idle connection', idleMs * 10);
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs >= idleMs * 0.8, `ended after ${tookMs} ms of ${idleMs}`);
      if (water.options.near === 'tcp') assert.equal(outcome, 'ECONNRESET');
      assert.deepEqual(await closingErrors(water), ['idle timeout', 'idle timeout']);
    },
  },
  {
    title: 'keeps a connection that moves bytes in one direction only',
    async run(water) {
      const far = await water.serve((socket) => socket.resume());
      const bridge = await water.open(far.address, { limits: { idleTimeoutMs: idleMs * 3 } });
      const socket = await water.connect(bridge);
      for (let step = 0; step < 12; step += 1) {
        socket.write(ping);
        await pause(idleMs / 3);
      }
      assert.equal(bridge.counters().active, 1, 'alive after more than the idle time-out');
      assert.equal(bridge.counters().forwardBytes, 12 * ping.length);
    },
  },
  {
    title: 'aborts a half-closed connection whose open direction is idle, and only that direction has an error',
    async run(water) {
      const far = await water.serve((socket) => socket.resume());
      const bridge = await water.open(far.address, { limits: { idleTimeoutMs: idleMs } });
      const socket = await water.connect(bridge);
      socket.end(ping);
      await within(outcomeOf(socket), 'the end of an idle connection', idleMs * 10);
      assert.deepEqual(await closingErrors(water), [undefined, 'idle timeout']);
    },
  },
  {
    title: 'never ends an idle connection when the time-out is 0',
    async run(water) {
      const far = await water.serve(echo);
      const bridge = await water.open(far.address, { limits: { idleTimeoutMs: 0 } });
      const socket = await water.connect(bridge);
      await roundTrip(socket, ping);
      await pause(idleMs);
      await roundTrip(socket, ping);
    },
  },
  {
    title: 'applies new limits to connections accepted from then on',
    async run(water) {
      const far = await water.serve(echo);
      const bridge = await water.open(far.address, { limits: { maxConnections: 1 } });
      const first = await water.connect(bridge);
      await roundTrip(first, ping);
      bridge.setLimits({ ...bridge.limits, maxConnections: 2, idleTimeoutMs: idleMs });
      const second = await water.connect(bridge);
      await roundTrip(second, ping);
      await within(outcomeOf(second), 'the idle end of the second', idleMs * 10);
      await roundTrip(first, ping);
      assert.throws(
        () => bridge.setLimits({ ...bridge.limits, maxConnections: 0 }),
        /maxConnections must be an integer in 1/,
      );
    },
  },
  {
    title: 'stops accepting at once, frees its address, and lets living connections go on',
    async run(water) {
      const far = await water.serve(echo);
      const bridge = await water.open(far.address);
      const socket = await water.connect(bridge);
      await roundTrip(socket, ping);
      await bridge.stop();
      await bridge.ended;
      await assert.rejects(water.connect(bridge), /ECONNREFUSED|ENOENT/);
      const heir = await water.open(far.address, { rule: { listen: bridge.address } });
      await roundTrip(await water.connect(heir), ping);
      await roundTrip(socket, ping);
      await bridge.drain(0);
    },
  },
  {
    title: 'drains: lets a connection finish within the grace, then aborts what is left',
    async run(water) {
      const far = await water.serve(echo);
      const bridge = await water.open(far.address);
      const [quick, stuck] = [await water.connect(bridge), await water.connect(bridge)];
      for (const socket of [quick, stuck]) await roundTrip(socket, ping);
      const outcome = outcomeOf(stuck);
      const startedMs = performance.now();
      const drained = bridge.drain(graceMs);
      await roundTrip(quick, ping);
      const finished = outcomeOf(quick);
      quick.end();
      assert.equal(await finished, 'end');
      await within(drained, 'the drain', graceMs * 20);
      assert.ok(performance.now() - startedMs >= graceMs * 0.9, 'waited for its grace');
      if (water.options.near === 'tcp') assert.equal(await outcome, 'ECONNRESET');
      await eventually(() => closed(water).length === 2, 'two closed events');
      assert.deepEqual(
        closed(water)
          .map(({ forwardError }) => forwardError)
          .sort(),
        ['drained', undefined],
      );
      assert.equal(bridge.counters().active, 0);
    },
  },
  {
    title: 'drains at once when no connection lives',
    async run(water) {
      const far = await water.serve(echo);
      const bridge = await water.open(far.address);
      const startedMs = performance.now();
      await bridge.drain(60_000);
      assert.ok(performance.now() - startedMs < laneBoundMs(5_000), 'did not wait for its grace');
    },
  },
  {
    title: 'refuses an address that is in use, with its name and the reason',
    async run(water) {
      const far = await water.serve(echo);
      const bridge = await water.open(far.address);
      await assert.rejects(water.open(far.address, { rule: { listen: bridge.address } }), (error: Error) => {
        assert.match(error.message, /bridge contract cannot listen on (tcp|unix|vsock):.*EADDRINUSE/);
        return true;
      });
      await roundTrip(await water.connect(bridge), ping);
    },
  },
  {
    title: 'serves only the peer CID it was made for',
    on: ({ near }) => near === 'fabric',
    async run(water) {
      let served = 0;
      const far = await water.serve((socket) => {
        served += 1;
        echo(socket);
      });
      const stranger = await water.open(far.address, { rule: { peerCid: 17 as never } });
      const outcome = await water.connect(stranger).then(
        (socket) => pingOutcome(socket),
        () => 'refused',
      );
      assert.notEqual(outcome, 'pong');
      assert.equal(served, 0, 'the far side never heard of it');
      const own = await water.open(far.address, { rule: { peerCid: 16 as never } });
      await roundTrip(await water.connect(own), ping);
    },
  },
];

async function pingOutcome(socket: Socket): Promise<string> {
  return roundTrip(socket, ping).then(
    () => 'pong',
    () => 'refused',
  );
}

function closed(water: Water): Extract<Water['events'][number], { type: 'closed' }>[] {
  return water.events.filter((event) => event.type === 'closed');
}

function refusals(water: Water): number {
  return water.events.filter(({ type }) => type === 'refused').length;
}

async function closingErrors(water: Water): Promise<(string | undefined)[]> {
  await eventually(() => closed(water).length === 1, 'a closed event');
  const [event] = closed(water);
  return [event?.forwardError, event?.backwardError];
}

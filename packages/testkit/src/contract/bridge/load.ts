// Promises about load: many slow readers, and a crowd that does nothing, must cost the others nothing.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { laneFigure } from '../lane.ts';
import { holdsOnce } from './attempt.ts';
import type { BridgePromise } from './promise.ts';
import { echo, eventually, madeBytes, percentile99, roundTrip } from './stream.ts';

// Given: rows R-B5 and T-B3 of the test plan.
const bytesPerPair = 256 * 1024;
const bytesForAll = 64 * 1024 * 1024;
// AddressSanitizer keeps what was freed in a quarantine, 256 MiB by default, before it is used again.
const quarantineBytes = process.env['CAISSON_ADDON'] === 'sanitize' ? 256 * 1024 * 1024 : 0;
const idleCrowd = 1_024;
const tricklingCrowd = 1_024;
const honestCrowd = 200;
const crowdFactor = 2;
const slowFactor = 1.5;
const othersCount = 16;

export const loadPromises: readonly BridgePromise[] = [
  {
    title: 'R-B5 keeps its memory within 256 KiB a pair while readers are slow, and the others as fast as before',
    on: ({ far }) => far === 'fabric',
    heavy: true,
    async run(water) {
      const pairs = laneFigure('R-B5');
      const slow: Socket[] = [];
      const far = await water.serve((socket) => {
        socket.once('data', (first: Buffer) => {
          if (first[0] === 0) slow.push(socket.pause());
          else {
            socket.write(first);
            echo(socket);
          }
        });
      });
      const bridge = await water.open(far.address, { limits: { maxConnections: pairs + othersCount } });
      const others = await Promise.all(Array.from({ length: othersCount }, () => water.connect(bridge)));
      const baseline = await measure(others, 500);
      const before = process.memoryUsage().rss;
      const writers = await Promise.all(Array.from({ length: pairs }, () => water.connect(bridge)));
      const ended = writers.map((writer) => pump(writer));
      await eventually(() => slow.length === pairs, 'every slow reader');
      const readers = setInterval(() => {
        for (const socket of slow) socket.read(102);
      }, 100);
      try {
        await holdsOnce(async () => {
          const now = await measure(others, 500);
          return { holds: now <= slowFactor * baseline, seen: `p99 ${now} ms, before ${baseline} ms` };
        });
        const growth = process.memoryUsage().rss - before;
        const most = pairs * bytesPerPair + bytesForAll + quarantineBytes;
        assert.ok(growth <= most, `${pairs} pairs grew it by ${growth} bytes, at most ${most} were expected`);
      } finally {
        clearInterval(readers);
        for (const writer of writers) writer.destroy();
        await Promise.all(ended);
      }
    },
  },
  {
    title: 'T-B3 serves honest clients at most twice as slowly while a crowd holds connections open and trickles',
    on: ({ far }) => far === 'fabric',
    heavy: true,
    async run(water) {
      const seconds = laneFigure('T-B3');
      const far = await water.serve(echo);
      const bridge = await water.open(far.address, { limits: { maxConnections: 4_096 } });
      const honest = await Promise.all(Array.from({ length: honestCrowd }, () => water.connect(bridge)));
      const baseline = await measure(honest, (seconds * 1000) / 4);
      const crowd: Socket[] = [];
      for (let size = 0; size < idleCrowd + tricklingCrowd; size += 64) {
        crowd.push(...(await Promise.all(Array.from({ length: 64 }, () => water.connect(bridge)))));
      }
      for (const socket of crowd) socket.resume();
      const all = crowd.length + honest.length;
      await eventually(
        () => bridge.counters().active === all,
        () => `${all} alive, got ${bridge.counters().active}`,
      );
      let turn = 0;
      // A byte a second each, spread over the second.
      const trickle = setInterval(() => {
        for (let index = turn % 10; index < tricklingCrowd; index += 10) crowd[index]!.write('x');
        turn += 1;
      }, 100);
      try {
        await holdsOnce(async () => {
          const now = await measure(honest, seconds * 1000);
          return { holds: now <= crowdFactor * baseline, seen: `p99 ${now} ms, before ${baseline} ms` };
        });
      } finally {
        clearInterval(trickle);
      }
      assert.equal(bridge.counters().failed + bridge.counters().refused, 0);
    },
  },
];

/** Closed loops of 1 KiB over all sockets for `forMs`; the 99th percentile in ms. Any error is a failure. */
async function measure(sockets: readonly Socket[], forMs: number): Promise<number> {
  const payload = madeBytes(1_024, 7);
  payload[0] = 1;
  const untilMs = performance.now() + forMs;
  const samples: number[] = [];
  await Promise.all(
    sockets.map(async (socket) => {
      while (performance.now() < untilMs) samples.push(await roundTrip(socket, payload));
    }),
  );
  return percentile99(samples);
}

/** Writes as fast as it is let until the socket closes. */
async function pump(socket: Socket): Promise<void> {
  const chunk = Buffer.alloc(65_536);
  while (!socket.destroyed) {
    if (socket.write(chunk)) continue;
    await new Promise<void>((settle) => {
      const go = (): void => {
        socket.off('drain', go).off('close', go);
        settle();
      };
      socket.on('drain', go).on('close', go);
    });
  }
}

// Promises about what goes wrong: aborts, far sides that are not there, black holes, names, addresses of credentials,
// descriptors that run out, far sides that die.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Bridge, BridgeEvent } from '@caisson/link/bridge';
import { currentLane, laneBoundMs, laneFigure } from '../lane.ts';
import { openBlackHole } from './black-hole.ts';
import { startBridgeProcess } from './child.ts';
import type { BridgePromise } from './promise.ts';
import { echo, eventually, madeBytes, outcomeOf, roundTrip, within } from './stream.ts';
import type { Bank, Water } from './water.ts';

const ping = Buffer.from('ping');
// Given: R-B3 and R-B8.
const goneWithinMs = laneBoundMs(1_000);
// Given: R-B7, 5 s +-0.5; the fast lane has less time and the same slack.
const dialTimeoutMs = currentLane() === 'fast' ? 1_000 : 5_000;
const slackMs = laneBoundMs(500);

export const faultPromises: readonly BridgePromise[] = [
  {
    title: 'R-B3 delivers an abort as an abort, never as a clean end, and frees both sides within a second',
    async run(water) {
      const count = water.options.heavy ? laneFigure('R-B3') : Math.ceil(laneFigure('R-B3') / 10);
      const body = madeBytes(100_000, 9);
      for (const aborting of ['near', 'far'] as const) {
        let farSide: Socket | undefined;
        const far = await water.serve((socket) => {
          farSide = socket;
        });
        const bridge = await water.open(far.address);
        for (let turn = 0; turn < count; turn += 1) {
          farSide = undefined;
          const near = await water.connect(bridge);
          await eventually(() => farSide !== undefined, 'the far side');
          const [cutter, witness] = aborting === 'near' ? [near, farSide!] : [farSide!, near];
          const outcome = outcomeOf(witness);
          witness.write(ping);
          cutter.write(body.subarray(0, (turn * 7_919) % body.length));
          await cut(cutter, witness, water.options[aborting]);
          const seen = await within(outcome, 'the witness to notice', goneWithinMs);
          if (isTcp(water, aborting === 'near' ? 'far' : 'near'))
            assert.match(seen, /^(ECONNRESET|EPIPE)$/, `turn ${turn}`);
          witness.destroy();
        }
        await eventually(() => bridge.counters().active === 0, 'both sides closed', goneWithinMs);
      }
    },
  },
  {
    title: 'resets a connection whose far side is not there, and counts a failure',
    async run(water) {
      const bridge = await water.open(water.deadAddress());
      const outcome = water.outcome(bridge);
      const seen = await within(outcome, 'the reset', 20_000);
      if (water.options.near === 'tcp') assert.equal(seen, 'ECONNRESET');
      await eventually(() => bridge.counters().failed === 1, 'one failure');
      await eventually(() => water.events.some(({ type }) => type === 'closed'), 'a closed event');
      const closed = water.events.find((event) => event.type === 'closed');
      assert.equal(closed?.dialled, false);
      assert.match(closed?.forwardError ?? '', /ECONNREFUSED|ENOENT/);
      assert.equal(bridge.counters().active, 0);
    },
  },
  {
    title: 'waits for a refused far side when its rule says that it will be there',
    on: ({ far }) => far !== 'tcp',
    async run(water) {
      const place = await water.serve(echo);
      await place.close();
      const bridge = await water.open(place.address, { rule: { retryRefused: true } });
      const socket = await water.connect(bridge);
      const answer = roundTrip(socket, ping);
      await water.serveAt(place.address, echo);
      await within(answer, 'the answer of the late far side', 20_000);
    },
  },
  {
    title: 'notices a client that gives up while the far side is being dialled',
    on: ({ near, far }) => near === 'tcp' && far === 'tcp',
    async run(water) {
      const bridge = await water.open({ kind: 'tcp', host: 'silent.test', port: 80 }, { resolve: never });
      const socket = await water.connect(bridge);
      await eventually(() => bridge.counters().active === 1, 'the connection');
      socket.resetAndDestroy();
      await eventually(() => bridge.counters().active === 0, 'a free place', goneWithinMs);
    },
  },
  {
    title: 'delivers bytes and an end of file that came while the far side was being dialled',
    on: ({ far }) => far === 'tcp',
    async run(water) {
      const far = await water.serve(echo);
      assert.ok(far.address.kind === 'tcp');
      for (const early of [Buffer.alloc(0), ping]) {
        const { promise, resolve } = Promise.withResolvers<readonly string[]>();
        const options = { resolve: () => promise };
        const bridge = await water.open({ ...far.address, host: 'late.test' }, options);
        const socket = await water.connect(bridge);
        socket.end(early);
        await once(socket, 'finish');
        await eventually(() => bridge.counters().active === 1, 'the connection');
        setImmediate(resolve, ['127.0.0.1']);
        const got: Buffer[] = [];
        socket.on('data', (chunk) => got.push(chunk));
        await within(once(socket, 'end'), 'the end of file to come back', 20_000);
        assert.deepEqual(Buffer.concat(got), early);
      }
    },
  },
  {
    title: 'R-B7 gives up on a name server that never answers at its dial time-out, without piling up',
    on: ({ far }) => far === 'tcp',
    heavy: true,
    async run(water) {
      const limits = { dialTimeoutMs };
      await failTogether(
        water,
        await water.open({ kind: 'tcp', host: 'silent.test', port: 80 }, { limits, resolve: never }),
      );
    },
  },
  {
    title: 'R-B7 gives up on a black hole at its dial time-out, without piling up',
    on: ({ far }) => far === 'tcp',
    heavy: true,
    async run(water) {
      const hole = await openBlackHole();
      try {
        const address = { kind: 'tcp', host: '127.0.0.1', port: hole.port } as const;
        await failTogether(water, await water.open(address, { limits: { dialTimeoutMs } }));
      } finally {
        await hole.close();
      }
    },
  },
  {
    title: 'tries every address of a name: a dead one first costs a moment, not the connection',
    on: ({ far }) => far === 'tcp',
    async run(water) {
      const far = await water.serve(echo);
      assert.ok(far.address.kind === 'tcp');
      const answers = ['::1', '127.0.0.2', '127.0.0.1'];
      const bridge = await water.open({ ...far.address, host: 'many.test' }, { resolve: async () => answers });
      const tookMs = await roundTrip(await water.connect(bridge), ping);
      assert.ok(tookMs < laneBoundMs(1_000), `took ${tookMs} ms`);
      assert.deepEqual([bridge.counters().failed, bridge.counters().accepted], [0, 1]);
    },
  },
  {
    title: 'tries the next address while the first is a black hole',
    on: ({ far }) => far === 'tcp',
    heavy: true,
    async run(water) {
      const far = await water.serve(echo);
      assert.ok(far.address.kind === 'tcp');
      const hole = await openBlackHole('127.0.0.3', far.address.port);
      try {
        const answers = ['127.0.0.3', '127.0.0.1'];
        const bridge = await water.open({ ...far.address, host: 'slow.test' }, { resolve: async () => answers });
        const tookMs = await roundTrip(await water.connect(bridge), ping);
        assert.ok(
          tookMs >= 200 && tookMs < laneBoundMs(1_500),
          `the second address after about 250 ms, took ${tookMs}`,
        );
      } finally {
        await hole.close();
      }
    },
  },
  {
    title: 'refuses a name that answers with a metadata address, before any dial',
    on: ({ far }) => far === 'tcp',
    async run(water) {
      let served = 0;
      const far = await water.serve(() => {
        served += 1;
      });
      assert.ok(far.address.kind === 'tcp');
      let told: BridgeEvent | undefined;
      for (const answer of ['169.254.169.254', '::ffff:a9fe:a9fe', 'fd00:ec2::254%lo', '64:ff9b::169.254.170.2']) {
        const options = { resolve: async () => ['127.0.0.1', answer] };
        const bridge = await water.open({ ...far.address, host: 'innocent.test' }, options);
        await within(water.outcome(bridge), 'the refusal', 20_000);
        await eventually(() => bridge.counters().refused === 1, `a refusal of ${answer}`);
        const ofThis = (): BridgeEvent | undefined => water.events.findLast(({ type }) => type === 'refused');
        await eventually(() => ofThis() !== told, 'a refused event');
        const refused = ofThis();
        told = refused;
        assert.ok(refused?.type === 'refused');
        assert.match(refused.reason, /must not dial innocent\.test at .*, a metadata or credentials address/);
        assert.equal(bridge.counters().failed, 0);
      }
      assert.equal(served, 0);
    },
  },
  {
    title: 'looks a name up once for each connection and dials what was judged',
    on: ({ far }) => far === 'tcp',
    async run(water) {
      const far = await water.serve(echo);
      assert.ok(far.address.kind === 'tcp');
      let asked = 0;
      const resolve = async (): Promise<string[]> => {
        asked += 1;
        return asked % 2 === 1 ? ['127.0.0.1'] : ['169.254.169.254'];
      };
      const bridge = await water.open({ ...far.address, host: 'rebinding.test' }, { resolve });
      await roundTrip(await water.connect(bridge), ping);
      assert.equal(asked, 1);
      await within(water.outcome(bridge), 'the refusal of the second answer', 20_000);
      assert.equal(asked, 2);
    },
  },
  {
    title: 'counts a name without an address as a failure, with the resolver’s reason',
    on: ({ far }) => far === 'tcp',
    async run(water) {
      const resolve = async (): Promise<never> => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
      const bridge = await water.open({ kind: 'tcp', host: 'nobody.test', port: 80 }, { resolve });
      await within(water.outcome(bridge), 'the reset', 20_000);
      await eventually(() => bridge.counters().failed === 1, 'one failure');
      await eventually(() => water.events.some(({ type }) => type === 'closed'), 'a closed event');
      const closed = water.events.find((event) => event.type === 'closed');
      assert.match(closed?.forwardError ?? '', /cannot resolve nobody\.test: ENOTFOUND/);
      assert.equal(bridge.counters().refused, 0);
    },
  },
  {
    title: 'R-B6 survives running out of descriptors and serves again once they are free',
    on: ({ near, far }) => near === 'tcp' && far === 'fabric',
    heavy: true,
    async run(water) {
      const far = await water.serve(echo);
      const child = await startBridgeProcess(water, far.address, { descriptors: 128 });
      try {
        for (let cycle = 0; cycle < laneFigure('R-B6'); cycle += 1) {
          const storm = await Promise.allSettled(Array.from({ length: 400 }, () => water.dial(child.address)));
          const open = storm.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
          const served = await Promise.all(open.map((socket) => settled(socket)));
          const pongs = served.filter((one) => one === 'pong').length;
          assert.ok(pongs >= 10, `some are served: ${JSON.stringify(tally(served))}`);
          assert.ok(pongs < storm.length, 'more came than descriptors can serve');
          for (const socket of open) socket.destroy();
          await eventually(() => open.every(({ closed }) => closed), 'the storm to pass');
          await child.idle();
          for (let turn = 0; turn < 20; turn += 1) {
            const socket = await water.dial(child.address);
            await within(roundTrip(socket, ping), `serving ${turn + 1} of 20 after cycle ${cycle + 1}`, 20_000);
            socket.destroy();
          }
        }
      } finally {
        await child.end();
      }
    },
  },
  {
    title: 'R-B8 reaches a far side within a second of its return, and streams of the old one get errors',
    on: ({ far }) => far === 'fabric',
    heavy: true,
    async run(water) {
      const echoServer = await water.serveTcp(echo);
      const port = water.nextFarPort();
      const bridge = await water.open({ kind: 'vsock', cid: water.otherTransport.localCid, port });
      let child = await startBridgeProcess(water, echoServer, { listenPort: port });
      try {
        for (let turn = 0; turn < laneFigure('R-B8'); turn += 1) {
          const old = await water.connect(bridge);
          await roundTrip(old, ping);
          await child.kill();
          assert.match(await within(failureOf(old), 'an old stream to fail', goneWithinMs), /^(ECONNRESET|EPIPE)$/);
          child = await startBridgeProcess(water, echoServer, { listenPort: port });
          const tookMs = await within(roundTrip(await water.connect(bridge), ping), 'the way back', goneWithinMs);
          assert.ok(tookMs <= goneWithinMs, `restart ${turn + 1}: ${tookMs} ms`);
        }
      } finally {
        await child.end();
      }
    },
  },
];

function never(): Promise<readonly string[]> {
  return new Promise(() => {});
}

/** Many dials that can never succeed fail together at the time-out, and nothing is left of them. */
async function failTogether(water: Water, bridge: Bridge): Promise<void> {
  const count = laneFigure('R-B7');
  const tookMs = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = await water.connect(bridge);
      const startedMs = performance.now();
      await within(outcomeOf(socket), 'the time-out', dialTimeoutMs + 5_000);
      return performance.now() - startedMs;
    }),
  );
  for (const ms of tookMs) {
    assert.ok(Math.abs(ms - dialTimeoutMs) <= slackMs, `failed after ${ms} ms, the time-out is ${dialTimeoutMs}`);
  }
  await eventually(() => bridge.counters().active === 0, 'no connection left');
  assert.equal(bridge.counters().failed, count);
  await eventually(() => water.events.filter(({ type }) => type === 'closed').length === count, 'every closed event');
  for (const event of water.events) if (event.type === 'closed') assert.equal(event.forwardError, 'dial timeout');
}

/** Aborts as the family can: TCP by RST, unix by leaving unread what has arrived. */
async function cut(cutter: Socket, witness: Socket, bank: Bank): Promise<void> {
  if (bank === 'tcp') {
    await new Promise<void>((sent) => cutter.write('', () => sent()));
    cutter.resetAndDestroy();
    return;
  }
  // More than the stream of a socket that nobody reads takes in, so that the kernel is left with the rest.
  witness.write(Buffer.alloc(4 * cutter.readableHighWaterMark));
  await eventually(() => cutter.readableLength >= cutter.readableHighWaterMark, 'a full stream');
  cutter.destroy();
}

/** Uses a stream whose far side is dead until that fails; resolves with the errno name. */
async function failureOf(socket: Socket): Promise<string> {
  let failure: string | undefined;
  socket.on('error', (error: NodeJS.ErrnoException) => {
    failure = error.code ?? error.message;
  });
  await eventually(() => {
    if (socket.writable && socket.writableLength === 0) socket.write(ping);
    return failure !== undefined || socket.destroyed;
  }, 'an old stream to fail');
  return failure ?? 'closed';
}

function isTcp(water: Water, side: 'near' | 'far'): boolean {
  return water.options[side] === 'tcp';
}

/** `pong`, or how the connection ended instead. */
async function settled(socket: Socket): Promise<string> {
  return within(roundTrip(socket, ping), 'an answer', 20_000).then(
    () => 'pong',
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  );
}

function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

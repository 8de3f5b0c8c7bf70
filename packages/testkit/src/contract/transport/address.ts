// What every transport promises about addresses: who is reached, who is refused, and with which errno name.
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { CID_ANY } from '@caisson/core/address';
import { laneBoundMs } from '../lane.ts';
import type { TransportPromise } from './scene.ts';
import { directions, discard, everyWay, inTime, makePort, meet, whileListening } from './scene.ts';

export const addressPromises: readonly TransportPromise[] = [
  {
    title: 'names the CID of the peer, whichever side dials',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        await meet(from, to, async ({ peer }) => {
          equal(peer.cid, from.cid);
          ok(Number.isInteger(peer.port) && peer.port >= 0 && peer.port < 0xffffffff, `peer port ${peer.port}`);
        });
      }
    },
  },
  {
    title: 'refuses a dial where nobody listens with ECONNREFUSED, at once',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        const startedAtMs = performance.now();
        const code = 'ECONNREFUSED';
        await rejects(from.transport.connect({ cid: to.cid, port: makePort() }), { code, syscall: 'connect' });
        ok(performance.now() - startedAtMs < laneBoundMs(2_000), 'a refusal waits for no deadline');
      }
    },
  },
  {
    title: 'never connects to a CID that nobody has',
    isOneSided: true,
    async run(pair) {
      const expected = new Set<unknown>(['ENODEV', 'ECONNREFUSED', 'ETIMEDOUT']);
      const dial = pair.a.connect({ cid: pair.otherCid, port: makePort() }, { timeoutMs: 500 });
      await rejects(dial, (error: NodeJS.ErrnoException) => expected.has(error.code));
    },
  },
  {
    title: 'ends a retried dial with ETIMEDOUT at its deadline',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        const startedAtMs = performance.now();
        const options = { timeoutMs: 150, retryRefused: true };
        const dial = from.transport.connect({ cid: to.cid, port: makePort() }, options);
        await rejects(dial, { code: 'ETIMEDOUT' });
        const tookMs = performance.now() - startedAtMs;
        ok(tookMs >= 145 && tookMs < laneBoundMs(1_500), `gave up after ${tookMs} ms`);
      }
    },
  },
  {
    title: 'retries a refused port until somebody listens there',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        const port = makePort();
        const dial = from.transport.connect({ cid: to.cid, port }, { timeoutMs: 15_000, retryRefused: true });
        // The first try has been refused when a later dial has been.
        await rejects(from.transport.connect({ cid: to.cid, port }), { code: 'ECONNREFUSED' });
        await whileListening(
          to,
          port,
          {},
          () => {},
          async () => discard(await inTime(dial, 'the retried dial')),
        );
      }
    },
  },
  {
    title: 'rejects with the reason of an aborted signal, before and during a dial',
    async run(pair) {
      const reason = new Error('the caller went away');
      for (const { from, to } of everyWay(pair)) {
        const target = { cid: to.cid, port: makePort() };
        await rejects(from.transport.connect(target, { signal: AbortSignal.abort(reason) }), reason);
        const aborter = new AbortController();
        const dial = from.transport.connect(target, {
          timeoutMs: 60_000,
          retryRefused: true,
          signal: aborter.signal,
        });
        setImmediate(() => aborter.abort(reason));
        await inTime(rejects(dial, reason), 'the end of an aborted dial');
      }
    },
  },
  {
    title: 'serves more diallers than the backlog holds when they retry',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        const port = makePort();
        await whileListening(
          to,
          port,
          { backlog: 1 },
          (socket) => socket.pipe(socket),
          async () => {
            const served = Array.from({ length: 64 }, async () => {
              const dialled = await from.transport.connect(
                { cid: to.cid, port },
                { timeoutMs: 15_000, retryRefused: true },
              );
              dialled.write('x');
              await once(dialled, 'data');
              await discard(dialled);
            });
            await inTime(Promise.all(served), 'the service of 64 diallers');
          },
        );
      }
    },
  },
  {
    title: 'refuses a second listener on one port with EADDRINUSE and leaves the first alone',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        const port = makePort();
        await whileListening(
          to,
          port,
          {},
          (socket) => socket.end('first'),
          async () => {
            const second = to.transport.listen({ cid: to.transport.localCid, port }, {}, () => {});
            await rejects(second, { code: 'EADDRINUSE' });
            const dialled = await from.transport.connect({ cid: to.cid, port });
            deepEqual(await once(dialled, 'data'), [Buffer.from('first')]);
            await discard(dialled);
          },
        );
      }
    },
  },
  {
    title: 'refuses a second listener on a host-wide port, even one for another peer',
    isOneSided: true,
    async run(pair) {
      const [inbound] = directions(pair);
      const port = makePort();
      await whileListening(
        { transport: pair.a, cid: pair.a.localCid },
        port,
        { peerCid: inbound!.to.cid },
        () => {},
        async () => {
          const second = pair.a.listen({ cid: pair.a.localCid, port }, { peerCid: pair.otherCid }, () => {});
          await rejects(second, { code: 'EADDRINUSE' });
        },
      );
    },
  },
  {
    title: 'listens on any CID',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        const port = makePort();
        const listener = await to.transport.listen({ cid: CID_ANY, port }, {}, (socket) => socket.end('any'));
        const dialled = await from.transport.connect({ cid: to.cid, port });
        deepEqual(await once(dialled, 'data'), [Buffer.from('any')]);
        equal(listener.port, port);
        await Promise.all([discard(dialled), listener.close()]);
      }
    },
  },
  {
    title: 'frees the address on close while accepted sockets live on',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        const port = makePort();
        await whileListening(
          to,
          port,
          {},
          (socket) => socket.pipe(socket),
          async (listener) => {
            const dialled = await from.transport.connect({ cid: to.cid, port });
            dialled.write('before');
            await once(dialled, 'data');
            await listener.close();
            await rejects(from.transport.connect({ cid: to.cid, port }), { code: 'ECONNREFUSED' });
            dialled.write('after');
            deepEqual(await once(dialled, 'data'), [Buffer.from('after')]);
            await whileListening(
              to,
              port,
              {},
              () => {},
              async () => discard(await from.transport.connect({ cid: to.cid, port })),
            );
            await discard(dialled);
          },
        );
      }
    },
  },
  {
    title: 'resets a peer that the listener was not made for, and never hands it out',
    isOneSided: true,
    async run(pair) {
      const [, outbound] = directions(pair);
      const { from, to } = outbound!;
      const port = makePort();
      let handedOut = 0;
      await whileListening(
        to,
        port,
        { peerCid: pair.otherCid },
        () => {
          handedOut += 1;
        },
        async () => {
          const dialled = await from.transport.connect({ cid: to.cid, port });
          dialled.on('error', () => {}).resume();
          await inTime(Promise.race([once(dialled, 'end'), once(dialled, 'close')]), 'the reset');
          await discard(dialled);
        },
      );
      equal(handedOut, 0);
    },
  },
];

// What every kernel promises about vsock addresses: who listens, who is refused, when a wait ends, who the peer is.
import { equal, ok, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { Server, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { laneBoundMs } from '../lane.ts';
import type { KernelPair } from './scene.ts';
import { digestAll, meet, sha256Of, whileListening } from './scene.ts';

export const addressPromises: readonly { title: string; run(pair: KernelPair): Promise<void> }[] = [
  {
    title: 'gives a real net.Socket and net.Server, both half-open by choice',
    async run(pair) {
      await whileListening(pair, async (server) => ok(server instanceof Server));
      await meet(pair, async (dialled, accepted) => {
        ok(dialled instanceof Socket && accepted instanceof Socket);
        ok(dialled.allowHalfOpen && accepted.allowHalfOpen);
        ok(!dialled.connecting && dialled.readyState === 'open');
      });
    },
  },
  {
    title: 'knows the peer of both ends, and forgets it when the socket is closed',
    async run(pair) {
      await meet(pair, async (dialled, accepted) => {
        equal(pair.near.vsockPeer(dialled)?.cid, pair.farCid);
        equal(pair.far.vsockPeer(accepted)?.cid, pair.nearCid);
        ok((pair.far.vsockPeer(accepted)?.port ?? 0) > 0);
        dialled.destroy();
        equal(pair.near.vsockPeer(dialled), undefined);
      });
    },
  },
  {
    title: 'refuses with ECONNREFUSED where nobody listens, at once',
    async run(pair) {
      const started = performance.now();
      await rejects(pair.near.vsockConnect({ cid: pair.farCid, port: pair.freePort() }), { code: 'ECONNREFUSED' });
      ok(performance.now() - started < laneBoundMs(2_000));
    },
  },
  {
    title: 'tries a refused port again until somebody listens, when told to',
    async run(pair) {
      const port = pair.freePort();
      const dialling = pair.near.vsockConnect({ cid: pair.farCid, port }, { retryRefused: true, timeoutMs: 20_000 });
      await pause(30);
      const server = await pair.far.vsockListen({ cid: pair.far.localCid(), port });
      server.on('connection', (socket) => socket.on('error', () => {}).destroy());
      (await dialling).on('error', () => {}).destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  },
  {
    title: 'ends a wait for a listener that never comes with ETIMEDOUT at the deadline, and with what it saw last',
    async run(pair) {
      const started = performance.now();
      const dialling = pair.near.vsockConnect(
        { cid: pair.farCid, port: pair.freePort() },
        { retryRefused: true, timeoutMs: 200 },
      );
      await rejects(dialling, (error: NodeJS.ErrnoException) => {
        equal(error.code, 'ETIMEDOUT');
        equal((error.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED');
        return true;
      });
      ok(performance.now() - started < laneBoundMs(2_000));
    },
  },
  {
    title: 'ends a wait with the reason of its signal',
    async run(pair) {
      const reason = new Error('no longer wanted');
      const target = { cid: pair.farCid, port: pair.freePort() };
      const signal = AbortSignal.abort(reason);
      await rejects(pair.near.vsockConnect(target, { signal }), reason);
      const controller = new AbortController();
      const dialling = pair.near.vsockConnect(target, { signal: controller.signal, retryRefused: true });
      setTimeout(() => controller.abort(reason), 20);
      await rejects(dialling, reason);
    },
  },
  {
    title: 'refuses a deadline that is no positive whole number as the caller’s own mistake',
    async run(pair) {
      for (const timeoutMs of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        await rejects(pair.near.vsockConnect({ cid: pair.farCid, port: pair.freePort() }, { timeoutMs }), TypeError);
      }
    },
  },
  {
    title: 'refuses a second listener on one port and frees the port with close',
    async run(pair) {
      const port = pair.freePort();
      const local = { cid: pair.far.localCid(), port };
      for (let round = 0; round < 3; round += 1) {
        const server = await pair.far.vsockListen(local);
        await rejects(pair.far.vsockListen(local), { code: 'EADDRINUSE' });
        server.close();
      }
    },
  },
  {
    title: 'keeps accepted sockets alive when their server closes',
    async run(pair) {
      const port = pair.freePort();
      const server = await pair.far.vsockListen({ cid: pair.far.localCid(), port });
      const arrival = once(server, 'connection') as Promise<[Socket]>;
      const dialled = await pair.near.vsockConnect({ cid: pair.farCid, port });
      const [accepted] = await arrival;
      server.close();
      await rejects(pair.near.vsockConnect({ cid: pair.farCid, port }), { code: 'ECONNREFUSED' });
      dialled.end('still here');
      equal(await digestAll(accepted), sha256Of(Buffer.from('still here')));
      const closed = once(server, 'close');
      dialled.destroy();
      accepted.destroy();
      await closed;
    },
  },
];

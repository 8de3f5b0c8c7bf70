// What every transport promises about bytes: all of them, in order, both ways, to the end, also when they come early or late.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as send } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TransportPromise } from './scene.ts';
import { digestAll, discard, everyWay, inTime, makePort, meet, sha256Of, whileListening } from './scene.ts';

// Given by the issue of this suite: more than every buffer on the way.
const bulkBytes = 5 * 1024 * 1024;
const parallel = 1_024;

export const streamPromises: readonly TransportPromise[] = [
  {
    title: 'carries 5 MiB both ways at once, unchanged',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        await meet(from, to, async ({ dialled, accepted }) => {
          const [up, down] = [randomBytes(bulkBytes), randomBytes(bulkBytes)];
          const [atAccepted, atDialled] = [digestAll(accepted), digestAll(dialled)];
          dialled.end(up);
          accepted.end(down);
          deepEqual(await atAccepted, { sha256: sha256Of(up), bytes: bulkBytes });
          deepEqual(await atDialled, { sha256: sha256Of(down), bytes: bulkBytes });
        });
      }
    },
  },
  {
    title: 'carries 5 MiB after the other side has ended, whichever side ends first',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        for (const first of ['dialled', 'accepted'] as const) {
          await meet(from, to, async (meeting) => {
            const ender = meeting[first];
            const answerer = first === 'dialled' ? meeting.accepted : meeting.dialled;
            const answer = randomBytes(bulkBytes);
            const received = digestAll(ender);
            ender.end('question');
            equal((await digestAll(answerer)).bytes, 8);
            answerer.end(answer);
            deepEqual(await received, { sha256: sha256Of(answer), bytes: bulkBytes });
          });
        }
      }
    },
  },
  {
    title: 'shows an abort to the other side: no more data, and writes that fail',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        for (const victim of ['dialled', 'accepted'] as const) {
          await meet(from, to, async (meeting) => {
            const survivor = victim === 'dialled' ? meeting.accepted : meeting.dialled;
            meeting[victim].destroy();
            ok(['EPIPE', 'ECONNRESET'].includes(await writeUntilError(survivor)));
          });
        }
      }
    },
  },
  {
    title: 'keeps bytes and an end that arrive before anybody reads',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        await meet(from, to, async ({ dialled, accepted }) => {
          dialled.end('early');
          // Long enough for both segments to be here; a transport that starts reading by itself would lose them now.
          for (let turn = 0; turn < 50; turn += 1) await nextTurn();
          equal(accepted.readableEnded, false);
          deepEqual(await digestAll(accepted), { sha256: sha256Of(Buffer.from('early')), bytes: 5 });
        });
      }
    },
  },
  {
    title: 'shows an end without a byte to whoever listens from the first moment',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        const port = makePort();
        let ended = (): void => {};
        const end = new Promise<void>((resolve) => {
          ended = resolve;
        });
        await whileListening(
          to,
          port,
          {},
          (socket) => socket.resume().once('end', ended),
          async () => {
            const dialled = await from.transport.connect({ cid: to.cid, port });
            dialled.end();
            await inTime(end, 'the end');
            await discard(dialled);
          },
        );
      }
    },
  },
  {
    title: 'hands out sockets that an http server and client accept as their own',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        const server = createServer((request, response) => request.pipe(response));
        const port = makePort();
        await whileListening(
          to,
          port,
          {},
          (socket) => server.emit('connection', socket),
          async () => {
            const socket = await from.transport.connect({ cid: to.cid, port });
            const request = send({ method: 'POST', createConnection: () => socket });
            request.end('ping');
            const [response] = await inTime(once(request, 'response'), 'the http response');
            let body = '';
            for await (const chunk of response) body += chunk;
            equal(body, 'ping');
            await discard(socket);
          },
        );
        server.close();
      }
    },
  },
  {
    title: 'serves 1,024 connections at once, each its own bytes',
    async run(pair) {
      for (const { from, to } of everyWay(pair)) {
        const port = makePort();
        await whileListening(
          to,
          port,
          {},
          (socket) => socket.pipe(socket),
          async () => {
            const dials = Array.from({ length: parallel }, () =>
              from.transport.connect({ cid: to.cid, port }, { timeoutMs: 60_000, retryRefused: true }),
            );
            const sockets = await inTime(Promise.all(dials), `${parallel} dials`);
            const echoes = sockets.map(async (socket, index) => {
              const sent = Buffer.alloc(1_024, `${index} `);
              const received = digestAll(socket);
              socket.end(sent);
              deepEqual(await received, { sha256: sha256Of(sent), bytes: sent.length });
            });
            await inTime(Promise.all(echoes), `${parallel} echoes`);
            await Promise.all(sockets.map(discard));
          },
        );
      }
    },
  },
];

/** The errno name that ends it. A reset may read as an end first (on vsock it always does), so only a write tells. */
async function writeUntilError(socket: Socket): Promise<string> {
  let seen: string | undefined;
  socket.resume().on('error', (error: NodeJS.ErrnoException) => {
    seen = error.code ?? error.message;
  });
  while (seen === undefined) {
    // A write to a closed socket emits nothing: the wait that gave up on this one has destroyed it.
    if (socket.closed) throw new Error('the socket was closed here before a write failed');
    socket.write('still there?');
    await nextTurn();
  }
  return seen;
}

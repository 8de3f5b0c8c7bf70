// What every kernel promises about the bytes of its sockets.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { Socket } from 'node:net';
import type { KernelPair } from './scene.ts';
import { digestAll, meet, sha256Of, whileListening } from './scene.ts';

const bulkBytes = 5 * 1024 * 1024;
const parallel = 128;

export const streamPromises: readonly { title: string; run(pair: KernelPair): Promise<void> }[] = [
  {
    title: 'carries 5 MiB both ways at once, unchanged',
    async run(pair) {
      await meet(pair, async (dialled, accepted) => {
        const [up, down] = [randomBytes(bulkBytes), randomBytes(bulkBytes)];
        const digests = Promise.all([digestAll(accepted), digestAll(dialled)]);
        dialled.end(up);
        accepted.end(down);
        equal((await digests).join(), [sha256Of(up), sha256Of(down)].join());
      });
    },
  },
  {
    title: 'carries 5 MiB after the other side has ended, whichever side ends first',
    async run(pair) {
      for (const first of ['dialled', 'accepted']) {
        await meet(pair, async (dialled, accepted) => {
          const [ender, answerer] = first === 'dialled' ? [dialled, accepted] : [accepted, dialled];
          const answer = randomBytes(bulkBytes);
          const received = digestAll(ender);
          ender.end('question');
          equal(await digestAll(answerer), sha256Of(Buffer.from('question')));
          answerer.end(answer);
          equal(await received, sha256Of(answer));
        });
      }
    },
  },
  {
    title: 'keeps the order of many small corked and uncorked writes, texts and bytes mixed',
    async run(pair) {
      await meet(pair, async (dialled, accepted) => {
        const received = digestAll(accepted);
        const parts: Buffer[] = [];
        for (let index = 0; index < 2_000; index += 1) {
          if (index % 100 === 0) dialled.cork();
          const part = randomBytes(index % 3 === 0 ? 40_000 : 300);
          if (index % 5 === 0) dialled.write(part.toString('base64'), 'latin1');
          else dialled.write(part);
          parts.push(index % 5 === 0 ? Buffer.from(part.toString('base64')) : part);
          if (index % 100 === 50) dialled.uncork();
        }
        dialled.end();
        equal(await received, sha256Of(Buffer.concat(parts)));
      });
    },
  },
  {
    title: 'lets the other side know within a second when a socket is destroyed',
    async run(pair) {
      await meet(pair, async (dialled, accepted) => {
        accepted.resume();
        const gone = Promise.race([once(accepted, 'end'), once(accepted, 'close')]);
        dialled.destroy();
        await Promise.race([gone, lateAfter(1_000)]);
      });
    },
  },
  {
    title: `serves http.Server on ${parallel} connections at once`,
    async run(pair) {
      await whileListening(pair, async (server, port) => {
        const http = createServer((incoming, outgoing) => outgoing.end(`${incoming.url} answered`));
        server.on('connection', (socket) => http.emit('connection', socket));
        const answers = await Promise.all(
          Array.from({ length: parallel }, async (_, index) => {
            const socket = await pair.near.vsockConnect({ cid: pair.farCid, port }, { retryRefused: true });
            return await getOver(socket, `/${index}`);
          }),
        );
        deepEqual(
          answers,
          answers.map((_, index) => `/${index} answered`),
        );
        http.closeAllConnections();
      });
    },
  },
  {
    title: `accepts ${parallel} connections that are dialled in one turn, each with its own bytes`,
    async run(pair) {
      await whileListening(pair, async (server, port, accepted) => {
        server.on('connection', (socket) => socket.pipe(socket));
        const sockets = await Promise.all(
          Array.from({ length: parallel }, () =>
            pair.near.vsockConnect({ cid: pair.farCid, port }, { retryRefused: true }),
          ),
        );
        const echoes = sockets.map((socket) => digestAll(socket));
        const sent = sockets.map((socket) => {
          const bytes = randomBytes(64 * 1024);
          socket.end(bytes);
          return sha256Of(bytes);
        });
        equal((await Promise.all(echoes)).join(), sent.join());
        ok(accepted.length === parallel);
      });
    },
  },
];

async function getOver(socket: Socket, path: string): Promise<string> {
  const call = request({ createConnection: () => socket, path, headers: { connection: 'close' } }).end();
  const [answer] = await once(call, 'response');
  let text = '';
  for await (const chunk of answer) text += chunk;
  socket.destroy();
  return text;
}

async function lateAfter(timeoutMs: number): Promise<never> {
  const [late] = await once(AbortSignal.timeout(timeoutMs), 'abort');
  throw new Error(`nothing happened within ${timeoutMs} ms`, { cause: late });
}

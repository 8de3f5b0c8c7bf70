// Ends: the graceful one, the one that looks like it on vsock, and a peer that does not read.
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { ChannelPromise } from '../channel.ts';
import { withChannels } from './scene.ts';

const echo = 32;
const hold = 33;

export const endPromises: readonly ChannelPromise[] = [
  {
    title: 'closes when what is under way has been answered, and begins nothing new',
    async run(source) {
      const answer = Promise.withResolvers<Uint8Array>();
      const started = Promise.withResolvers<void>();
      const handlers = {
        [echo]: (payload: Uint8Array) => payload,
        [hold]: () => {
          started.resolve();
          return answer.promise;
        },
      };
      await withChannels(source, handlers, async ({ dialler, listener }) => {
        const asked = dialler.request(hold, new Uint8Array());
        await started.promise;
        const closing = listener.close();
        await rejects(
          async () => {
            for (;;) await dialler.request(echo, new Uint8Array());
          },
          (error: Error & { code: string; remoteCode?: string }) => {
            equal(error.remoteCode ?? error.code, 'CHANNEL_CLOSING');
            return true;
          },
        );
        answer.resolve(Buffer.from('late but whole'));
        equal(Buffer.from(await asked).toString(), 'late but whole');
        equal(await closing, undefined);
        equal(await dialler.closed, undefined);
        await rejects(dialler.request(echo, new Uint8Array()), { code: 'CHANNEL_CLOSING' });
      });
    },
  },
  {
    title: 'closes from both ends at once',
    async run(source) {
      await withChannels(source, {}, async ({ dialler, listener }) => {
        await Promise.all([dialler.opened, listener.opened]);
        deepEqual(await Promise.all([dialler.close(), listener.close()]), [undefined, undefined]);
      });
    },
  },
  {
    title: 'makes an end of stream without CLOSE an error on every request and stream that is outstanding',
    async run(source) {
      const started = Promise.withResolvers<void>();
      let count = 0;
      const handlers = {
        [hold]: () => {
          count += 1;
          if (count === 3) started.resolve();
          return new Promise<Uint8Array>(() => {});
        },
      };
      await withChannels(source, handlers, async ({ dialler, streams }) => {
        const asked = [1, 2].map(() => dialler.request(hold, new Uint8Array()));
        const stream = dialler.open(hold, new Uint8Array(), { end: true });
        const codes = [...asked, stream.reply, stream[Symbol.asyncIterator]().next()].map((one) =>
          one.then(
            () => 'answered',
            (error: { code: string }) => error.code,
          ),
        );
        await started.promise;
        // Clean on purpose: over vsock a killed peer looks like this.
        streams.listener.end();
        deepEqual(await Promise.all(codes), ['CHANNEL_LOST', 'CHANNEL_LOST', 'CHANNEL_LOST', 'CHANNEL_LOST']);
        equal((await dialler.closed)?.code, 'CHANNEL_LOST');
      });
    },
  },
  {
    title: 'starts no more handlers for a peer that takes no replies',
    async run(source) {
      let answered = 0;
      const handlers = {
        [echo]: () => {
          answered += 1;
          return new Uint8Array(65_536);
        },
      };
      const settings = { listener: { windowBytes: 1_048_576 } };
      await withChannels(
        source,
        handlers,
        async ({ dialler, listener, streams }) => {
          await dialler.opened;
          streams.dialler.pause();
          for (let index = 0; index < 1_000; index += 1) dialler.call(echo, new Uint8Array(), () => {});
          let before = -1;
          while (answered !== before || answered === 0) {
            before = answered;
            for (let round = 0; round < 20; round += 1) await turn();
          }
          // The window, what two kernels hold, and one chunk of requests: not 1,000 replies, which are 64 MiB.
          ok(answered < 300, `${answered} replies of 64 KiB were made for a peer that reads none`);
          ok(listener.stats().backlogBytes < 4_194_304, `${listener.stats().backlogBytes} bytes wait`);
          streams.dialler.resume();
          while (dialler.stats().outstanding + dialler.stats().waitingForWindow > 0) await turn();
          equal(answered, 1_000);
        },
        settings,
      );
    },
  },
];

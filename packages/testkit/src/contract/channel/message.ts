// Whole messages: content, order, errors, deadlines, the window.
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { Refusal } from '@caisson/link/channel';
import type { ChannelPromise } from '../channel.ts';
import { bytesOf, withChannels } from './scene.ts';

const echo = 32;
const other = 33;
// Around what is copied into the slab, written beside it, split into frames, and the greatest message.
const sizes = [0, 1, 255, 16_383, 16_384, 16_385, 65_514, 65_515, 65_536, 300_000, 1_048_576];
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

export const messagePromises: readonly ChannelPromise[] = [
  {
    title: 'gives every message back byte for byte, in both directions at once, with and without CRC',
    async run(source) {
      for (const crc of [false, true]) {
        const handlers = { [echo]: (payload: Uint8Array) => payload };
        await withChannels(
          source,
          handlers,
          async ({ dialler, listener }) => {
            dialler.serve(handlers);
            const asked = [dialler, listener].flatMap((end, side) =>
              sizes.map(async (size, index) => {
                const sent = bytesOf(size, index + side * 100);
                ok(Buffer.from(sent).equals(await end.request(echo, sent)), `${size} bytes, CRC ${crc}`);
              }),
            );
            await Promise.all(asked);
          },
          // One end asks for it, and both send it.
          { listener: { crc } },
        );
      }
    },
  },
  {
    title: 'takes replies in any order',
    async run(source) {
      const held: (() => void)[] = [];
      const hold = (payload: Uint8Array): Promise<Uint8Array> =>
        new Promise((resolve) => held.push(() => resolve(payload)));
      await withChannels(source, { [echo]: (payload) => payload, [other]: hold }, async ({ dialler }) => {
        const order: string[] = [];
        const waiting = ['first', 'second', 'third'].map(async (name) => {
          order.push(text(await dialler.request(other, Buffer.from(name))));
        });
        await dialler.request(echo, Buffer.from('all three are there'));
        for (const answer of held.reverse()) {
          answer();
          await dialler.request(echo, Buffer.from('it has gone'));
        }
        await Promise.all(waiting);
        deepEqual(order, ['third', 'second', 'first']);
      });
    },
  },
  {
    title: 'tells an error that was meant, and of another one only that it happened',
    async run(source) {
      const handlers = {
        [echo]: () => {
          throw new Error('the secret path');
        },
        [other]: async () => {
          throw new Refusal('NO_SUCH_KEY', 'no key \u001b[31mred', Buffer.from('detail'));
        },
      };
      await withChannels(source, handlers, async ({ dialler }) => {
        await rejects(dialler.request(echo, new Uint8Array()), (error: Error) => {
          ok(!error.message.includes('secret'));
          equal((error as Error & { remoteCode: string }).remoteCode, 'CHANNEL_HANDLER');
          return true;
        });
        await rejects(dialler.request(other, new Uint8Array()), {
          code: 'CHANNEL_REMOTE',
          remoteCode: 'NO_SUCH_KEY',
          // What a stranger wrote must not drive a terminal.
          remoteText: 'no key \\u001b[31mred',
        });
        await rejects(dialler.request(99, new Uint8Array()), { remoteCode: 'CHANNEL_UNKNOWN_TYPE' });
      });
    },
  },
  {
    title: 'ends a request at its deadline or by its signal, tells the handler, and goes on',
    async run(source) {
      const aborted: unknown[] = [];
      const started = Promise.withResolvers<void>();
      const handlers = {
        [echo]: (payload: Uint8Array) => payload,
        [other]: (_: Uint8Array, call: { signal: AbortSignal }) =>
          new Promise<Uint8Array>((_resolve, reject) => {
            call.signal.addEventListener('abort', () => {
              aborted.push((call.signal.reason as { code: string }).code);
              reject(new Error('given up'));
            });
            started.resolve();
          }),
      };
      await withChannels(source, handlers, async ({ dialler }) => {
        await rejects(dialler.request(other, new Uint8Array(), { deadlineMs: 30 }), { code: 'CHANNEL_DEADLINE' });
        const controller = new AbortController();
        const asked = dialler.request(other, new Uint8Array(), { signal: controller.signal });
        await started.promise;
        controller.abort(new Error('no more wanted'));
        await rejects(asked, { message: 'no more wanted' });
        equal(text(await dialler.request(echo, Buffer.from('still here'))), 'still here');
        deepEqual(aborted, ['CHANNEL_CANCELLED', 'CHANNEL_CANCELLED']);
        equal(dialler.stats().outstanding, 0);
      });
    },
  },
  {
    title: 'lets requests wait when the window is full, and carries every one',
    async run(source) {
      const handlers = { [echo]: async (payload: Uint8Array) => payload };
      await withChannels(
        source,
        handlers,
        async ({ dialler }) => {
          await dialler.opened;
          const asked = Array.from({ length: 500 }, (_, index) => dialler.request(echo, bytesOf(1_000, index)));
          ok(dialler.stats().waitingForWindow > 400);
          for (const [index, reply] of (await Promise.all(asked)).entries()) {
            ok(Buffer.from(reply).equals(bytesOf(1_000, index)));
          }
          ok(dialler.stats().timeMs.creditWait > 0);
        },
        { listener: { windowBytes: 65_536 } },
      );
    },
  },
  {
    title: 'measures the way there and back',
    async run(source) {
      await withChannels(source, {}, async ({ dialler, listener }) => {
        for (const end of [dialler, listener]) {
          const fromMs = performance.now();
          const wayMs = await end.ping();
          // Not above 0: the clock of an emulated machine steps by milliseconds.
          ok(wayMs >= 0 && wayMs <= performance.now() - fromMs, `${wayMs} ms`);
        }
      });
    },
  },
];

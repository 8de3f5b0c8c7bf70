// Streams: credit both ways, chunks as they were written, and either end leaving early.
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { type IncomingStream, MAX_CHUNK_BYTES, Refusal } from '@caisson/link/channel';
import type { ChannelPromise } from '../channel.ts';
import { bytesOf, withChannels } from './scene.ts';

const work = 40;
const echo = 32;

export const streamPromises: readonly ChannelPromise[] = [
  {
    title: 'carries a stream each way at once, byte for byte, many times its credit',
    async run(source) {
      const stream = async (stream: IncomingStream): Promise<void> => {
        stream.reply(stream.payload);
        for await (const chunk of stream) await stream.write(chunk);
      };
      await withChannels(source, { [work]: { stream } }, async ({ dialler }) => {
        const out = dialler.open(work, Buffer.from('head'));
        const sent = createHash('sha256');
        const got = createHash('sha256');
        const reading = (async () => {
          for await (const chunk of out) got.update(chunk);
        })();
        for (let round = 0; round < 20; round += 1) {
          const bytes = bytesOf(150_000, round);
          sent.update(bytes);
          await out.write(bytes);
        }
        await out.end();
        await reading;
        equal(Buffer.from(await out.reply).toString(), 'head');
        equal(got.digest('hex'), sent.digest('hex'));
      });
    },
  },
  {
    title: 'keeps the chunks of a stream as they were written',
    async run(source) {
      const lengths: number[] = [];
      const stream = async (stream: IncomingStream): Promise<void> => {
        for await (const chunk of stream) lengths.push(chunk.length);
      };
      await withChannels(source, { [work]: { stream } }, async ({ dialler }) => {
        const out = dialler.open(work);
        const written = [1, 7, MAX_CHUNK_BYTES, 100, 65, MAX_CHUNK_BYTES - 1];
        for (const length of written) void out.write(new Uint8Array(length));
        await out.end();
        await out.reply;
        deepEqual(lengths, written);
      });
    },
  },
  {
    title: 'lets a writer go no further than the credit of a reader that does not read',
    async run(source) {
      const read = Promise.withResolvers<void>();
      const stream = async (stream: IncomingStream): Promise<void> => {
        stream.reply(new Uint8Array());
        await read.promise;
        for await (const _ of stream);
      };
      const settings = { listener: { streamWindowBytes: 131_072 } };
      await withChannels(
        source,
        { [work]: { stream }, [echo]: (payload) => payload },
        async ({ dialler }) => {
          const out = dialler.open(work);
          await out.reply;
          let written = 0;
          const writing = (async () => {
            for (; written < 100; written += 1) await out.write(new Uint8Array(16_384));
          })();
          for (let round = 0; round < 20; round += 1) {
            await turn();
            await dialler.request(echo, new Uint8Array());
          }
          ok(written <= 8, `${written * 16_384} bytes were taken of a credit of 131072`);
          read.resolve();
          await writing;
          await out.end();
          equal(written, 100);
        },
        settings,
      );
    },
  },
  {
    title: 'tells a handler that its caller left, and a caller that its handler failed',
    async run(source) {
      const left = Promise.withResolvers<unknown>();
      const stream = async (stream: IncomingStream): Promise<void> => {
        if (stream.payload.length > 0) {
          await stream.write(new Uint8Array(10));
          throw new Refusal('DISK_FULL', 'no room');
        }
        stream.signal.addEventListener('abort', () => left.resolve(stream.signal.reason));
        for (;;) await stream.write(new Uint8Array(1_000));
      };
      await withChannels(source, { [work]: { stream } }, async ({ dialler }) => {
        for await (const _ of dialler.open(work, new Uint8Array(), { end: true })) break;
        equal(((await left.promise) as { code: string }).code, 'CHANNEL_CANCELLED');

        const failing = dialler.open(work, Buffer.from('x'), { end: true });
        await rejects(
          async () => {
            for await (const chunk of failing) equal(chunk.length, 10);
          },
          { remoteCode: 'DISK_FULL', remoteText: 'no room' },
        );
        equal(dialler.stats().outstanding, 0);
      });
    },
  },
  {
    title: 'refuses bytes for a stream whose handler has ended it, and not its end',
    async run(source) {
      const stream = async (stream: IncomingStream): Promise<void> => stream.end(Buffer.from('done'));
      await withChannels(source, { [work]: { stream } }, async ({ dialler }) => {
        const out = dialler.open(work);
        const end = out.end();
        const chunks: string[] = [];
        for await (const chunk of out) chunks.push(Buffer.from(chunk).toString());
        await end;
        deepEqual(chunks, ['done']);
        await rejects(out.write(new Uint8Array(1)), { code: 'CHANNEL_STREAM_ENDED' });
      });
    },
  },
];

// What leaves: one write a turn, none above the bound, padded sizes, and figures that say so.
import assert from 'node:assert/strict';
import { type Duplex, duplexPair } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { type ChannelOptions, createChannel } from './index.ts';
import { checkBuckets, paddingOf } from './pad.ts';

type Both = { readonly client: ReturnType<typeof createChannel>; readonly writes: number[]; close(): void };

async function open(options: Partial<ChannelOptions> = {}, encrypted = false): Promise<Both> {
  const [here, there] = duplexPair();
  const writes = record(here);
  if (encrypted) Object.assign(here, { encrypted: true });
  const server = createChannel(there, { role: 'listener' });
  server.serve({ 32: (payload) => payload, 33: () => new Uint8Array(1) });
  const client = createChannel(here, { role: 'dialler', ...options });
  await client.opened;
  return {
    client,
    writes,
    close() {
      client.destroy();
      server.destroy();
    },
  };
}

/** Sizes of what reaches the stream in one call. */
function record(stream: Duplex): number[] {
  const writes: number[] = [];
  const one = stream._write.bind(stream);
  stream._write = (chunk: Uint8Array, encoding, done) => {
    writes.push(chunk.length);
    one(chunk, encoding, done);
  };
  stream._writev = (chunks, done) => {
    const whole = Buffer.concat(chunks.map(({ chunk }) => chunk as Uint8Array));
    writes.push(whole.length);
    one(whole, 'buffer' as BufferEncoding, done);
  };
  return writes;
}

test('the messages of one turn of the loop leave in one write', async () => {
  const { client, writes, close } = await open();
  writes.length = 0;
  await Promise.all(Array.from({ length: 100 }, () => client.request(32, new Uint8Array(256))));
  assert.deepEqual(writes, [100 * (4 + 6 + 1 + 256)]);
  const { messagesPerWrite, writeBytes, messagesSent } = client.stats();
  assert.deepEqual(messagesPerWrite.at(-1), [127, 1]);
  assert.deepEqual(writeBytes.at(-1), [32_767, 1]);
  assert.equal(messagesSent, 101);
  close();
});

test('no write over TLS is above what a vsock takes in one piece, records included', async () => {
  const { client, writes, close } = await open({}, true);
  await client.request(33, new Uint8Array(1_000_000));
  const records = (bytes: number): number => Math.ceil(bytes / 16_384);
  assert.ok(writes.length > 30);
  for (const bytes of writes) assert.ok(bytes + records(bytes) * 22 <= 32_768, `${bytes} bytes`);
  close();
});

test('no write is above maxWriteBytes, whatever is sent', async () => {
  const { client, writes, close } = await open({ maxWriteBytes: 10_000 });
  const sizes = [0, 5_000, 9_999, 16_383, 16_384, 40_000, 300_000];
  await Promise.all(sizes.map((size) => client.request(33, new Uint8Array(size))));
  for (const bytes of writes) assert.ok(bytes <= 10_000, `${bytes} bytes`);
  close();
});

test('padded writes have the sizes of the list and their multiples, and nothing else shows', async () => {
  for (const crc of [false, true]) {
    const { client, writes, close } = await open({ padTo: [512, 4_096], crc });
    for (const size of [0, 1, 200, 470, 490, 495, 600, 4_070, 4_080, 9_000, 20_000, 100_000]) {
      assert.equal((await client.request(32, new Uint8Array(size))).length, size);
    }
    assert.ok(writes.length > 12);
    for (const bytes of writes) assert.ok(bytes === 512 || bytes % 4_096 === 0, `${bytes} bytes, CRC ${crc}`);
    close();
  }
});

test('padding reaches a size of the list with whole frames', () => {
  const lists = fc.uniqueArray(fc.integer({ min: 20, max: 100_000 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(lists, fc.nat({ max: 300_000 }), fc.constantFrom(10, 14), (list, length, least) => {
      const buckets = list.sort((left, right) => left - right);
      const gap = paddingOf(length, buckets, least);
      assert.ok(gap === 0 || gap >= least);
      const size = length + gap;
      assert.ok(buckets.includes(size) || size % buckets.at(-1)! === 0);
    }),
    { seed: 7, numRuns: 500 },
  );
  for (const bad of [[10], [100, 100], [200, 100], [1.5], [2 ** 21]]) assert.throws(() => checkBuckets(bad), TypeError);
});

test('options that cannot be are the caller’s mistake', () => {
  const bad: unknown[] = [
    { role: 'server' },
    { role: 'dialler', windowBytes: 1 },
    { role: 'dialler', maxFrameBytes: 2 ** 21 },
    { role: 'dialler', json: () => ({}) },
    { role: 'dialler', deadlineMs: -1 },
  ];
  for (const options of bad) assert.throws(() => createChannel(duplexPair()[0], options as ChannelOptions), TypeError);
  const channel = createChannel(duplexPair()[0], { role: 'dialler' });
  for (const type of [0, 31, 0x7b, 256, 1.5]) {
    assert.throws(() => void channel.request(type, new Uint8Array()), TypeError);
    assert.throws(() => channel.serve({ [type]: () => undefined }), TypeError);
  }
  channel.serve({ 32: () => undefined });
  assert.throws(() => channel.serve({ 32: () => undefined }), TypeError);
  channel.destroy();
});

test('the figures say where the time goes', async () => {
  const { client, close } = await open();
  for (let round = 0; round < 64; round += 1) await client.request(32, new Uint8Array(1_000));
  await turn();
  const { timeMs, messagesReceived, bytesReceived, outstanding } = client.stats();
  assert.ok(timeMs.decode > 0);
  assert.equal(messagesReceived, 65);
  assert.equal(outstanding, 0);
  assert.ok(bytesReceived > 64_000);
  close();
});

test('what a reader keeps never changes, though a stream in memory hands over the very bytes that were written', async () => {
  const { client, close } = await open();
  const kept: Uint8Array[] = [];
  for (let wave = 0; wave < 12; wave += 1) {
    const asked = Array.from({ length: 60 }, (_, index) =>
      client.request(32, new Uint8Array(8_192).fill(wave * 60 + index)),
    );
    kept.push(...(await Promise.all(asked)));
  }
  for (const [index, reply] of kept.entries())
    assert.ok(
      reply.every((byte) => byte === index % 256),
      `reply ${index}`,
    );
  close();
});

// What a channel does with a peer that breaks the rules, byte by byte; T-P5 of the test plan.
import assert from 'node:assert/strict';
import { type Duplex, duplexPair } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { concatBytes } from '@caisson/core/bytes';
import { encodeMessageFrame, type MessageFrame, MessageReader } from '@caisson/core/frame';
import { laneFigure } from '@caisson/testkit/contract';
import fc from 'fast-check';
import { type Channel, type ChannelOptions, createChannel } from './index.ts';
import { encodeHello, encodeUint32, frameType } from './messages.ts';

const hello = (over: Partial<Parameters<typeof encodeHello>[0]> = {}): Uint8Array =>
  encodeMessageFrame({
    type: frameType.hello,
    id: 0,
    payload: encodeHello({ versions: [1], maxFrameBytes: 1_048_576, windowBytes: 1_048_576, crc: false, ...over }),
  });

interface Raw {
  readonly raw: Duplex;
  readonly channel: Channel;
  /** What the channel has sent. */
  readonly frames: MessageFrame[];
}

function open(options: Partial<ChannelOptions> = {}): Raw {
  const [raw, own] = duplexPair();
  const channel = createChannel(own, { role: 'listener', keepAliveMs: 0, idleTimeoutMs: 0, ...options });
  const frames: MessageFrame[] = [];
  const reader = new MessageReader((type, last, id, payload) => frames.push({ type, last, id, payload }), {
    maxFrameBytes: 1_048_576,
  });
  raw.on('data', (chunk: Uint8Array) => reader.push(chunk)).on('error', () => {});
  return { raw, channel, frames };
}

const request = (id: number, payload: readonly number[], last = true): Uint8Array =>
  encodeMessageFrame({ type: frameType.request, last, id, payload: Uint8Array.from(payload) });
const frame = (type: number, id: number, payload: readonly number[] = [], last = false): Uint8Array =>
  encodeMessageFrame({ type, last, id, payload: Uint8Array.from(payload) });

test('a peer that breaks the protocol is told why, and the connection ends', async () => {
  const flag = frame(frameType.ping, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
  flag[5] = 4;
  const damaged = encodeMessageFrame({ type: frameType.pong, id: 0 }, { crc: true });
  damaged[damaged.length - 1]! ^= 1;
  const faults: [string, Uint8Array[], string][] = [
    ['no HELLO first', [request(1, [32])], 'CHANNEL_PROTOCOL'],
    ['a HELLO that is no CBOR', [frame(frameType.hello, 0, [0xff])], 'CHANNEL_HELLO'],
    ['a HELLO without a window', [hello({ windowBytes: 65_535 })], 'CHANNEL_HELLO'],
    ['a HELLO of small frames', [hello({ maxFrameBytes: 1_000 })], 'CHANNEL_HELLO'],
    ['no common version', [hello({ versions: [2, 3] })], 'CHANNEL_VERSION'],
    ['HELLO twice', [hello(), hello()], 'CHANNEL_PROTOCOL'],
    ['an unknown flag', [hello(), flag], 'FRAME_FLAGS'],
    ['a wrong CRC', [hello(), damaged], 'FRAME_CRC'],
    ['no CRC after it was promised', [hello({ crc: true }), request(1, [32])], 'FRAME_CRC'],
    ['an unknown type', [hello(), frame(0x7b, 1)], 'CHANNEL_PROTOCOL'],
    ['a REQUEST without a type', [hello(), request(1, [])], 'CHANNEL_PROTOCOL'],
    ['a REQUEST with an id of the listener', [hello(), request(2, [32])], 'CHANNEL_PROTOCOL'],
    ['a REQUEST with the id of the connection', [hello(), request(0, [32])], 'CHANNEL_PROTOCOL'],
    ['an id that is taken', [hello(), request(1, [33]), request(1, [33])], 'CHANNEL_PROTOCOL'],
    ['a REPLY to nothing', [hello(), frame(frameType.reply, 2, [], true)], 'CHANNEL_PROTOCOL'],
    [
      'DATA beyond its credit',
      [hello(), request(1, [33], false), frame(frameType.data, 1, Array(200_000).fill(0))],
      'CHANNEL_PROTOCOL',
    ],
    ['a CREDIT of three bytes', [hello(), frame(frameType.credit, 1, [0, 0, 1])], 'CHANNEL_PROTOCOL'],
    ['a PING of three bytes', [hello(), frame(frameType.ping, 0, [0, 0, 1])], 'CHANNEL_PROTOCOL'],
    ['a frame after CLOSE', [hello(), frame(frameType.close, 0), request(1, [32])], 'CHANNEL_PROTOCOL'],
    ['a length of 5', [hello(), Uint8Array.of(0, 0, 0, 5)], 'FRAME_LENGTH'],
    ['a length of 2^20 + 1', [hello(), Uint8Array.of(0, 16, 0, 1)], 'FRAME_TOO_LARGE'],
    ['a length of 2^31', [hello(), Uint8Array.of(128, 0, 0, 0)], 'FRAME_TOO_LARGE'],
    ['a length of 2^32 - 1', [Uint8Array.of(255, 255, 255, 255, 1)], 'FRAME_TOO_LARGE'],
    ['65,537 bytes before HELLO', [Uint8Array.of(0, 1, 0, 1, 1)], 'FRAME_TOO_LARGE'],
  ];
  for (const [what, bytes, code] of faults) {
    const { raw, channel, frames } = open({ streamWindowBytes: 131_072 });
    channel.serve({ 32: (payload) => payload, 33: () => new Promise(() => {}) });
    raw.write(concatBytes(...bytes));
    const why = await channel.closed;
    assert.equal(why?.code, code, what);
    await turn();
    assert.equal(
      frames.some(({ type }) => type === frameType.goAway),
      what !== 'a frame after CLOSE',
      what,
    );
  }
});

test('requests beyond the window break the protocol: nobody can make an end hold more than it said', async () => {
  const { raw, channel } = open({ windowBytes: 65_536 });
  channel.serve({ 33: () => new Promise(() => {}) });
  raw.write(hello());
  const payload = [33, ...Array(1_000).fill(0)];
  for (let id = 1; id < 2 * 70; id += 2) raw.write(request(id, payload));
  assert.equal((await channel.closed)?.code, 'CHANNEL_PROTOCOL');
});

test('what comes late for a request that was answered is dropped', async () => {
  const { raw, channel, frames } = open();
  channel.serve({ 32: (payload) => payload });
  const late = [frame(frameType.cancel, 1), frame(frameType.credit, 1, [0, 0, 1, 0]), frame(frameType.data, 1, [1])];
  raw.write(concatBytes(hello(), request(1, [32, 7]), ...late, request(3, [32, 8])));
  while (frames.length < 3) await turn();
  assert.deepEqual(frames.map(({ type, id, payload }) => [type, id, [...payload]]).slice(1), [
    [frameType.reply, 1, [7]],
    [frameType.reply, 3, [8]],
  ]);
  channel.destroy();
});

test('the credit of a stream is what it was, whether its frames come whole or in pieces', async () => {
  for (const pieces of [false, true]) {
    const { raw, channel, frames } = open();
    const chunks: number[] = [];
    let isOver = false;
    channel.serve({
      34: {
        pieces,
        async stream(stream) {
          for await (const chunk of stream) chunks.push(chunk.length);
          isOver = true;
        },
      },
    });
    raw.write(concatBytes(hello(), request(1, [34], false)));
    const [count, size, windowBytes] = [200, 20_000, 262_144];
    const credit = (): number =>
      frames
        .filter(({ type }) => type === frameType.credit)
        .reduce((sum, { payload }) => sum + Buffer.from(payload).readUInt32BE(), 0);
    let paid = 0;
    for (let index = 0; index < count; index += 1) {
      while (credit() - paid < size + 64) await turn();
      paid += size + 64;
      const bytes = frame(frameType.data, 1, Array<number>(size).fill(index % 256), index === count - 1);
      for (let at = 0; at < bytes.length; at += 7_001) {
        raw.write(bytes.subarray(at, at + 7_001));
        // Each by itself, as a socket gives them.
        await turn();
      }
    }
    while (!isOver) await turn();
    assert.equal(
      chunks.reduce((sum, bytes) => sum + bytes, 0),
      count * size,
    );
    assert.equal(chunks.length === count, !pieces, `${chunks.length} chunks`);
    assert.ok(credit() <= windowBytes + paid && credit() > paid - windowBytes, `${credit()} for ${paid}`);
    channel.destroy();
  }
});

test('asking and cancelling in turn starts no crowd of handlers', async () => {
  let started = 0;
  const { raw, channel } = open({ maxRunning: 4 });
  channel.serve({
    33: () => {
      started += 1;
      return new Promise(() => {});
    },
  });
  raw.write(hello());
  for (let id = 1; id < 2_000; id += 2) raw.write(concatBytes(request(id, [33]), frame(frameType.cancel, id)));
  await channel.opened;
  for (let round = 0; round < 50; round += 1) await turn();
  assert.equal(started, 4);
  assert.equal(channel.stats().queued, 0);
  channel.destroy();
});

test('a peer that says nothing, or begins a frame and stops, is ended', async () => {
  const quiet = open({ helloTimeoutMs: 20 });
  assert.equal((await quiet.channel.closed)?.code, 'CHANNEL_HELLO_LATE');
  const half = open({ frameTimeoutMs: 40 });
  half.raw.write(concatBytes(hello(), request(1, [32]).subarray(0, 8)));
  assert.equal((await half.channel.closed)?.code, 'CHANNEL_FRAME_LATE');
  const dead = open({ keepAliveMs: 20 });
  dead.channel.serve({ 33: () => new Promise(() => {}) });
  dead.raw.write(concatBytes(hello(), request(1, [33])));
  assert.equal((await dead.channel.closed)?.code, 'CHANNEL_SILENT');
});

test('a connection without requests is closed in good form after its time', async () => {
  const { raw, channel, frames } = open({ idleTimeoutMs: 20 });
  raw.write(hello());
  while (!frames.some(({ type }) => type === frameType.close)) await turn();
  raw.write(frame(frameType.close, 0));
  assert.equal(await channel.closed, undefined);
});

test('a message is the same however the stream is cut, down to single bytes', async () => {
  const { raw, channel, frames } = open();
  channel.serve({ 32: (payload) => payload });
  const bytes = concatBytes(hello(), request(1, [32, 1, 2, 3]), request(3, [32]));
  for (const byte of bytes) raw.write(Uint8Array.of(byte));
  while (frames.length < 3) await turn();
  assert.deepEqual([...frames[1]!.payload], [1, 2, 3]);
  assert.equal(frames[2]!.payload.length, 0);
  channel.destroy();
});

test('whatever frames a stranger makes, the channel answers, refuses or ends, and never throws (T-P5)', async () => {
  const types = fc.oneof(fc.integer({ min: 0, max: 15 }), fc.nat({ max: 255 }));
  const frames = fc.record({
    type: types,
    flags: fc.oneof(fc.constantFrom(0, 1), fc.nat({ max: 255 })),
    id: fc.oneof(fc.nat({ max: 8 }), fc.nat({ max: 0xffff_ffff })),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(
        Uint8Array.of(32),
        Uint8Array.of(33),
        Uint8Array.of(34, 1),
        encodeUint32(4_096),
        hello().subarray(10),
      ),
    ),
    announced: fc.oneof(
      { arbitrary: fc.constant(undefined), weight: 30 },
      { arbitrary: fc.constantFrom(0, 1, 5, 6, 1_048_576, 1_048_577, 2 ** 31, 2 ** 32 - 1), weight: 1 },
    ),
  });
  const perStream = 25;
  const runs = Math.max(1, Math.floor(laneFigure('T-P5') / perStream));
  await fc.assert(
    fc.asyncProperty(
      fc.array(frames, { minLength: perStream, maxLength: perStream }),
      fc.boolean(),
      fc.integer({ min: 1, max: 700 }),
      async (list, greet, cut) => {
        const { raw, channel } = open({ deadlineMs: 0, helloTimeoutMs: 0, frameTimeoutMs: 0, maxMessageBytes: 4_096 });
        channel.serve({
          32: (payload) => payload,
          33: () => new Promise(() => {}),
          34: { stream: async (stream) => void (await stream[Symbol.asyncIterator]().next()) },
        });
        void channel.request(32, new Uint8Array(9)).catch(() => {});
        const stream = concatBytes(...(greet ? [hello()] : []), ...list.map(writeFrame));
        for (let at = 0; at < stream.length; at += cut) raw.write(stream.subarray(at, at + cut));
        await turn();
        await turn();
        const { backlogBytes, queued } = channel.stats();
        assert.ok(backlogBytes < 1_048_576 && queued < 1_000);
        channel.destroy();
        await channel.closed;
      },
    ),
    { seed: 5, numRuns: runs },
  );
});

function writeFrame(one: {
  type: number;
  flags: number;
  id: number;
  payload: Uint8Array;
  announced: number | undefined;
}): Uint8Array {
  const bytes = encodeMessageFrame({ type: one.type, id: one.id >>> 0, payload: one.payload });
  bytes[5] = one.flags;
  if (one.announced !== undefined) bytes.set(encodeUint32(one.announced));
  return bytes;
}

test('1,024 peers with half a header and a promise of 1 MiB, or half of a JSON request, cost less than 64 MiB (T-P5)', async () => {
  const before = process.memoryUsage().rss;
  const peers = Array.from({ length: 1_024 }, () => open({ json: () => ({}) }));
  for (const [index, { raw }] of peers.entries()) {
    // A quarter has greeted before, another speaks JSON, another has said less than chooses the form.
    if (index % 4 === 0) raw.write(hello());
    if (index % 4 < 2) raw.write(Uint8Array.of(0, 15, 255, 255, 2, 1, 0));
    else if (index % 4 === 2) raw.write(Uint8Array.of(0, 0, 255, 255, 0x7b, 0x22, 0x61));
    else raw.write(Uint8Array.of(0, 15, 255));
  }
  await Promise.all(peers.filter((_, index) => index % 4 === 0).map(({ channel }) => channel.opened));
  await turn();
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 67_108_864, `${grown} bytes more`);
  for (const { raw, channel } of peers) {
    channel.destroy();
    // One that speaks JSON is its server's, which ends with the stream.
    raw.destroy();
  }
});

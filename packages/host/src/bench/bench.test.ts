// The bench measures what it says: figures over a real socket, words for each limit, handlers that refuse what they must.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseAddress } from '@caisson/core/address';
import { createChannel } from '@caisson/link/channel';
import { openTransportFromEnvironment } from '@caisson/link/transport';
import { createLinuxKernel } from '@caisson/sys';
import fc from 'fast-check';
import { advise, createCostly, dialAddress, runNull, type Sample, type Survey, serveBench, survey } from './index.ts';
import { benchType } from './messages.ts';
import { encodeProtobuf, parseProtobuf } from './protobuf.ts';
import { renderSurvey } from './render.ts';

const transport = openTransportFromEnvironment({}, createLinuxKernel());
const folder = mkdtempSync(join(tmpdir(), 'csn-'));
const address = parseAddress(`unix:${join(folder, 'bench')}`);
let server: Awaited<ReturnType<typeof serveBench>>;
const dial = (): Promise<Socket> => dialAddress(address, transport);

before(async () => {
  server = await serveBench(address, { transport });
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

test('surveys an address: floor, first reply, both ways at one rate, every pattern, and a limit in words', async () => {
  const own = { name: 'your pattern', messageBytes: 256, depth: 1 };
  const found = await survey(dial, { windowMs: 60, sizes: [256], depths: [1, 64], own });
  assert.ok(found.roundTripUs.p50 > 0 && found.firstReplyUs.channel > 0 && found.atRate.naiveP99Us > 0);
  assert.deepEqual(found.cells.map(({ pattern: { name } }) => name).slice(0, 2), [
    '256 B, 1 at once',
    '256 B, 64 at once',
  ]);
  assert.equal(found.cells.length, 6);
  for (const { pattern, sample } of found.cells) assert.ok(sample.messages > 0, pattern.name);
  const deep = found.cells[1]!.sample;
  assert.ok(deep.callsPerMessage! < 1, `${deep.callsPerMessage} calls a message`);
  assert.match(renderSurvey(found).at(-1)!, /^your pattern: [0-9]+ messages a second: /);
});

test('the naive way and the channel are answered on one port, and what is neither is cut off', async () => {
  const channel = createChannel(await dial(), { role: 'dialler' });
  assert.equal((await channel.request(benchType.reply, Buffer.from([0, 0, 1, 0]))).length, 256);
  await assert.rejects(channel.request(benchType.reply, Buffer.from([0, 16, 0, 1])), {
    remoteCode: 'BENCH_REPLY_SIZE',
  });
  await assert.rejects(channel.request(benchType.reply, new Uint8Array(3)), { remoteCode: 'BENCH_REPLY_SIZE' });
  await assert.rejects(channel.request(benchType.protobuf, Buffer.from([0x99])), { remoteCode: 'BENCH_PROTOBUF' });
  assert.equal(await channel.close(), undefined);
  const stranger = await dial();
  stranger.on('error', () => {}).resume();
  stranger.end('GET / HTTP/1.1\r\n\r\n');
  await once(stranger, 'close');
});

test('a protobuf message is what was written, and other bytes are refused or read, never worse', () => {
  const message = fc.record({ id: fc.nat(), name: fc.string({ unit: 'grapheme' }), body: fc.uint8Array() });
  fc.assert(
    fc.property(message, (one) => {
      const { id, name, body } = parseProtobuf(encodeProtobuf(one));
      assert.deepEqual({ id, name, body: [...body] }, { ...one, body: [...one.body] });
    }),
    { seed: 1, numRuns: 200 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        parseProtobuf(bytes);
      } catch (error) {
        assert.equal((error as { code: string }).code, 'BENCH_PROTOBUF');
      }
    }),
    { seed: 2, numRuns: 500 },
  );
});

test('a stream whose writes cost time carries the same bytes', async () => {
  const costly = createCostly(await dial(), 50);
  const channel = createChannel(costly, { role: 'dialler' });
  const bytes = Buffer.alloc(300_000, 5);
  assert.ok(bytes.equals(await channel.request(benchType.echo, bytes)));
  assert.equal(await channel.close(), undefined);
});

test('without a transport the same handlers answer', async () => {
  const { messages, perSecond } = await runNull(256, 20);
  assert.ok(messages > 0 && perSecond > 0);
});

test('says the limit that was measured: the round trip, bytes, a socket that is not read, the processor', () => {
  const sample = (over: Partial<Sample>): Sample => ({
    messages: 1,
    seconds: 1,
    perSecond: 10_000,
    bytesPerSecond: 1e6,
    cpuUsPerMessage: 1,
    p50Us: 100,
    p99Us: 200,
    callsPerMessage: 2,
    writesPerSecond: 1,
    socketWait: 0,
    ...over,
  });
  const cell = (messageBytes: number, depth: number, over: Partial<Sample>) => ({
    pattern: { name: '', messageBytes, depth },
    sample: sample(over),
  });
  const found: Survey = {
    roundTripUs: { p50: 100, p99: 200 },
    firstReplyUs: { channel: 1, naive: 1 },
    dialToReplyUs: { channel: 1, naive: 1 },
    atRate: { perSecond: 1, channelP99Us: 1, naiveP99Us: 1 },
    naive: [],
    cells: [
      cell(256, 1, { perSecond: 9_500 }),
      cell(256, 256, { perSecond: 1_000_000, bytesPerSecond: 512e6 }),
      cell(65_536, 16, { perSecond: 10_000, bytesPerSecond: 1.3e9 }),
    ],
    own: null,
  };
  const limit = (depth: number, over: Partial<Sample>, messageBytes = 256): string =>
    advise(cell(messageBytes, depth, over), found).limit;
  assert.equal(limit(1, { perSecond: 9_000 }), 'round-trip');
  assert.equal(limit(16, { perSecond: 9_000, bytesPerSecond: 1.2e9 }, 65_536), 'bandwidth');
  assert.equal(limit(256, { perSecond: 500_000, socketWait: 0.4 }), 'socket');
  assert.equal(limit(256, { perSecond: 900_000, bytesPerSecond: 460e6 }), 'processor');
  assert.match(advise(cell(256, 1, { perSecond: 9_500 }), found).words, /105\.3 times as fast/);
});

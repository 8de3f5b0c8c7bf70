// Frames of the channel survive every split, are not copied when they lie whole in a chunk, and cost only what has arrived.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, toHex } from '../bytes/index.ts';
import { CaissonError } from '../errors/index.ts';
import { crc32c, encodeMessageFrame, type MessageFrame, MessageReader } from './index.ts';

const numRuns = process.env['CAISSON_LANE'] === 'deep' ? 20_000 : 400;

function collect(maxFrameBytes = 1_048_576): { readonly reader: MessageReader; readonly frames: MessageFrame[] } {
  const frames: MessageFrame[] = [];
  const reader = new MessageReader((type, last, id, payload) => frames.push({ type, last, id, payload }), {
    maxFrameBytes,
  });
  return { reader, frames };
}

const plain = ({ type, last, id, payload }: MessageFrame): unknown => [type, last, id, toHex(payload)];

test('has the check value of CRC-32C and the examples of RFC 3720', () => {
  assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe306_9283);
  // RFC 3720 B.4 prints the bytes in wire order of iSCSI; these are the same numbers.
  assert.equal(crc32c(new Uint8Array(32)), 0x8a91_36aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8_ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd_794e);
});

test('a CRC in parts is the CRC of the whole', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, at) => {
      const cut = Math.min(at, bytes.length);
      assert.equal(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut)), crc32c(bytes));
    }),
    { seed: 1, numRuns },
  );
});

const frame = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  last: fc.boolean(),
  id: fc.integer({ min: 0, max: 0xffff_ffff }),
  payload: fc.uint8Array({ maxLength: 500 }),
});

test('gives the same frames whatever the chunks, with and without CRC', () => {
  const frames = fc.array(fc.tuple(frame, fc.boolean()), { maxLength: 12 });
  const cuts = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(frames, cuts, (list, lengths) => {
      const stream = concatBytes(...list.map(([one, crc]) => encodeMessageFrame(one, { crc })));
      const { reader, frames: seen } = collect();
      for (let at = 0, turn = 0; at < stream.length; turn += 1) {
        const length = lengths[turn % lengths.length]!;
        reader.push(stream.slice(at, at + length));
        at += length;
      }
      reader.end();
      assert.deepEqual(
        seen.map(plain),
        list.map(([one]) => plain(one)),
      );
      assert.equal(reader.pendingBytes, 0);
    }),
    { seed: 2, numRuns },
  );
});

test('any one bit that changes in a frame with a CRC is found, or makes it another length', () => {
  fc.assert(
    fc.property(frame, fc.nat(), (one, bit) => {
      const bytes = encodeMessageFrame(one, { crc: true });
      const at = bit % (bytes.length * 8);
      bytes[at >> 3]! ^= 1 << (at & 7);
      const { reader, frames } = collect();
      reader.requireCrc = true;
      try {
        reader.push(bytes);
        reader.end();
      } catch (error) {
        assert.ok(error instanceof CaissonError && error.code.startsWith('FRAME_'));
        return;
      }
      assert.fail(`${frames.length} frames were taken with bit ${at} changed`);
    }),
    { seed: 3, numRuns },
  );
});

test('whatever bytes come, it gives frames or refuses, and holds at most twice what came', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 30 }), (chunks) => {
      const { reader } = collect(4_096);
      let pushed = 0;
      try {
        for (const chunk of chunks) {
          reader.push(chunk);
          pushed += chunk.length;
          assert.ok(reader.pendingBytes <= pushed);
        }
        reader.end();
      } catch (error) {
        assert.ok(error instanceof CaissonError && error.code.startsWith('FRAME_'), String(error));
      }
    }),
    { seed: 4, numRuns },
  );
});

test('a payload that lies whole in a chunk is a view of it, and one that spans chunks is not', () => {
  const { reader, frames } = collect();
  const first = encodeMessageFrame({ type: 2, id: 1, payload: Uint8Array.of(1, 2, 3) });
  const second = encodeMessageFrame({ type: 2, id: 3, payload: Uint8Array.of(4, 5, 6) });
  const chunk = concatBytes(first, second.subarray(0, 11));
  reader.push(chunk);
  reader.push(second.subarray(11));
  assert.equal(frames[0]!.payload.buffer, chunk.buffer);
  assert.notEqual(frames[1]!.payload.buffer, chunk.buffer);
  assert.deepEqual([...frames[1]!.payload], [4, 5, 6]);
});

test('gives payloads of one type in pieces, whatever the chunks, and every other frame and every frame with a CRC whole', () => {
  const one = fc.record({
    type: fc.constantFrom(6, 6, 6, 2),
    last: fc.boolean(),
    id: fc.integer({ min: 0, max: 0xffff_ffff }),
    payload: fc.uint8Array({ maxLength: 40_000, size: 'max' }),
  });
  const frames = fc.array(fc.tuple(one, fc.integer({ min: 0, max: 3 })), { maxLength: 6 });
  const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 20_000 })), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(frames, cuts, (list, lengths) => {
      const stream = concatBytes(...list.map(([frame, crc]) => encodeMessageFrame(frame, { crc: crc === 0 })));
      const seen: MessageFrame[] = [];
      let parts: Uint8Array[] = [];
      const reader = new MessageReader(
        (type, last, id, payload, more) => {
          assert.ok(!more || (type === 6 && !last && payload.length >= 4_096), `a piece of ${payload.length}`);
          parts.push(payload);
          if (more) return;
          seen.push({ type, last, id, payload: concatBytes(...parts) });
          parts = [];
        },
        { maxFrameBytes: 1_048_576, pieceType: 6 },
      );
      for (let at = 0, turn = 0; at < stream.length; turn += 1) {
        const length = lengths[turn % lengths.length]!;
        reader.push(stream.slice(at, at + length));
        at += length;
        if (at < stream.length) continue;
        assert.equal(reader.pendingBytes, 0);
      }
      reader.end();
      assert.deepEqual([reader.frames, seen.map(plain)], [list.length, list.map(([frame]) => plain(frame))]);
    }),
    { seed: 5, numRuns: Math.ceil(numRuns / 4) },
  );
});

test('a frame in pieces that is cut short is missed at the end, and one from a peer who promised a CRC is refused', () => {
  const bytes = encodeMessageFrame({ type: 6, id: 1, payload: new Uint8Array(30_000) });
  const { frames } = collect();
  const open = (): MessageReader =>
    new MessageReader((type, last, id, payload) => frames.push({ type, last, id, payload }), {
      maxFrameBytes: 1_048_576,
      pieceType: 6,
    });
  const reader = open();
  reader.push(bytes.subarray(0, 10_000));
  assert.equal(frames.length, 1);
  reader.push(bytes.subarray(10_000, 10_001));
  assert.equal(reader.pendingBytes, 10_001);
  assert.throws(() => reader.end(), { code: 'FRAME_TRUNCATED', message: /after 10001 of 30010 bytes/ });
  const strict = open();
  strict.requireCrc = true;
  strict.push(bytes.subarray(0, 10_000));
  assert.equal(frames.length, 1, 'not a piece of it is handed out');
  assert.throws(() => strict.push(bytes.subarray(10_000)), { code: 'FRAME_CRC' });
});

test('an announced length costs no memory: 1,024 readers that were promised 1 MiB each', () => {
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 1_024 }, () => collect().reader);
  for (const reader of readers) reader.push(Uint8Array.of(0, 16, 0, 0, 2, 1, 0, 0));
  assert.ok(process.memoryUsage().arrayBuffers - before < 1_048_576);
});

test('a frame that comes a byte at a time costs its bytes a few times, not its square', () => {
  const { reader, frames } = collect();
  const bytes = encodeMessageFrame({ type: 2, id: 1, payload: new Uint8Array(200_000).fill(7) });
  for (let at = 0; at < bytes.length; at += 1) reader.push(bytes.subarray(at, at + 1));
  assert.equal(frames[0]!.payload.length, 200_000);
  assert.ok(frames[0]!.payload.buffer.byteLength <= 2 * bytes.length);
});

test('takes exactly maxFrameBytes and refuses one more before any of it is there', () => {
  const { reader, frames } = collect(100);
  reader.push(encodeMessageFrame({ type: 2, id: 1, payload: new Uint8Array(94) }));
  assert.equal(frames.length, 1);
  assert.throws(() => reader.push(Uint8Array.of(0, 0, 0, 101)), { code: 'FRAME_TOO_LARGE' });
});

test('a sink that stops gets nothing of the rest of the chunk', () => {
  let seen = 0;
  const reader = new MessageReader(
    () => {
      seen += 1;
      reader.stop();
    },
    { maxFrameBytes: 100 },
  );
  const one = encodeMessageFrame({ type: 2, id: 1 });
  reader.push(concatBytes(one, one));
  assert.equal(seen, 1);
});

// Frames survive every split, and an announced length is only a number until the bytes are there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, toHex } from '../bytes/index.ts';
import { LimitError, ParseError } from '../errors/index.ts';
import { encodeFrame, FrameReader } from './index.ts';

const numRuns = process.env['CAISSON_LANE'] === 'deep' ? 10_000 : 300;

function drain(reader: FrameReader): string[] {
  const frames: string[] = [];
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(toHex(frame));
  return frames;
}

test('writes the length as u32 big endian before the bytes', () => {
  assert.equal(toHex(encodeFrame(Uint8Array.of(0xaa, 0xbb))), '00000002aabb');
  assert.equal(toHex(encodeFrame(new Uint8Array())), '00000000');
  assert.equal(toHex(encodeFrame(new Uint8Array(0x010203)).subarray(0, 5)), '0001020300');
});

test('gives the same frames whatever the chunks', () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 12 });
  const cuts = fc.array(fc.nat({ max: 700 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(payloads, cuts, (frames, lengths) => {
      const stream = concatBytes(...frames.map(encodeFrame));
      const reader = new FrameReader({ maxBytes: 600 });
      const seen: string[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn += 1) {
        const length = Math.max(1, lengths[turn % lengths.length] ?? 1);
        reader.push(stream.subarray(at, at + length));
        // Not asking every time leaves frames waiting behind each other.
        if (turn % 3 !== 1) seen.push(...drain(reader));
        at += length;
      }
      seen.push(...drain(reader));
      assert.deepEqual(seen, frames.map(toHex));
      reader.end();
    }),
    { seed: 1, numRuns },
  );
});

test('gives a frame with its last byte and not before, split at every byte', () => {
  const frames = [encodeFrame(Uint8Array.of(1, 2, 3)), encodeFrame(new Uint8Array()), encodeFrame(Uint8Array.of(4))];
  const stream = concatBytes(...frames);
  const ends = [7, 11, 16];
  const reader = new FrameReader({ maxBytes: 3 });
  for (const [index, byte] of stream.entries()) {
    reader.push(Uint8Array.of(byte));
    assert.equal(drain(reader).length, ends.includes(index + 1) ? 1 : 0, `after ${index + 1} bytes`);
  }
  assert.equal(reader.pendingBytes, 0);
});

test('accepts exactly maxBytes and refuses one more before any of it is there', () => {
  for (const maxBytes of [0, 1, 4096]) {
    const reader = new FrameReader({ maxBytes });
    reader.push(encodeFrame(new Uint8Array(maxBytes)));
    assert.equal(reader.next()?.length, maxBytes);
    reader.push(encodeFrame(new Uint8Array(maxBytes + 1)).subarray(0, 4));
    for (let turn = 0; turn < 2; turn += 1) {
      assert.throws(
        () => reader.next(),
        (error: unknown) => error instanceof LimitError && error.code === 'FRAME_TOO_LARGE',
      );
    }
  }
});

test('refuses the lengths 2^31 and 2^32 - 1', () => {
  for (const header of [Uint8Array.of(0x80, 0, 0, 0), Uint8Array.of(0xff, 0xff, 0xff, 0xff)]) {
    const reader = new FrameReader({ maxBytes: 1_048_576, name: 'NSM request' });
    reader.push(header);
    assert.throws(
      () => reader.next(),
      /^LimitError: NSM request must have at most 1048576 bytes, its header announces \d+$/,
    );
  }
});

test('an announced length costs no memory: 1,024 readers that were promised 16 MiB each', () => {
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 1024 }, () => new FrameReader({ maxBytes: 16_777_216 }));
  for (const reader of readers) {
    reader.push(Uint8Array.of(1, 0, 0, 0, 9));
    assert.equal(reader.next(), undefined);
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 1_048_576);
  assert.equal(readers.length, 1024);
});

test('hands out the frames before an oversized one', () => {
  const reader = new FrameReader({ maxBytes: 4 });
  reader.push(concatBytes(encodeFrame(Uint8Array.of(1)), Uint8Array.of(0, 0, 0, 5)));
  assert.deepEqual(reader.next(), Uint8Array.of(1));
  assert.throws(() => reader.next(), { code: 'FRAME_TOO_LARGE' });
});

test('a frame and a chunk share no memory', () => {
  const reader = new FrameReader({ maxBytes: 4 });
  const chunk = Buffer.from(encodeFrame(Uint8Array.of(1, 2)));
  reader.push(chunk);
  chunk.fill(0xff);
  const frame = reader.next()!;
  reader.push(encodeFrame(Uint8Array.of(3, 4)));
  assert.deepEqual([frame, reader.next()], [Uint8Array.of(1, 2), Uint8Array.of(3, 4)]);
});

test('a stream cut inside a frame is a ParseError that says how much is missing', () => {
  const reader = new FrameReader({ maxBytes: 9 });
  reader.end();
  reader.push(Uint8Array.of(0, 0));
  assert.throws(() => reader.end(), /^ParseError: frame ended after 2 of its 4-byte header$/);
  reader.push(Uint8Array.of(0, 9, 1));
  assert.equal(reader.next(), undefined);
  assert.throws(
    () => reader.end(),
    (error: unknown) => error instanceof ParseError && error.message === 'frame ended after 1 of 9 announced bytes',
  );
});

test('gives the rest to whoever takes the stream over', () => {
  const reader = new FrameReader({ maxBytes: 2 });
  reader.push(concatBytes(encodeFrame(Uint8Array.of(1, 2)), Uint8Array.of(7, 8, 9, 10, 11)));
  reader.next();
  assert.deepEqual(reader.takeRest(), Uint8Array.of(7, 8, 9, 10, 11));
  assert.equal(reader.pendingBytes, 0);
});

test('refuses a bound that is no bound', () => {
  for (const maxBytes of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32]) {
    assert.throws(() => new FrameReader({ maxBytes }), TypeError);
  }
});

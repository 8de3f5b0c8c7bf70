// No single write above the bound, every byte in order.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { limitWrites, type WriteEnd } from './write-limit.ts';

/** Records what each write was given; calls back at once or a turn later, as libuv does. */
function createRecorder(isLate: () => boolean): { stream: Writable; sizes: number[]; bytes: () => Buffer } {
  const seen: Buffer[] = [];
  const sizes: number[] = [];
  const settle = (done: () => void) => (isLate() ? setImmediate(done) : done());
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, encoding, done) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk);
      seen.push(bytes);
      sizes.push(bytes.length);
      settle(done);
    },
    writev(chunks, done) {
      const list = chunks.map(({ chunk, encoding }) =>
        typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk),
      );
      seen.push(...list);
      sizes.push(list.reduce((sum, bytes) => sum + bytes.length, 0));
      settle(done);
    },
  });
  return { stream, sizes, bytes: () => Buffer.concat(seen) };
}

function finish(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.end(resolve);
  });
}

test('any mix of corked and uncorked texts and bytes arrives whole, in order, in writes of at most the bound', async () => {
  const part = fc.record({
    size: fc.integer({ min: 0, max: 3_000 }),
    text: fc.boolean(),
    cork: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { maxLength: 30 }),
      fc.integer({ min: 1, max: 1_000 }),
      fc.infiniteStream(fc.boolean()),
      async (parts, bound, late) => {
        const { stream, sizes, bytes } = createRecorder(() => late.next().value === true);
        limitWrites(stream as unknown as WriteEnd, bound);
        const sent: Buffer[] = [];
        for (const [index, { size, text, cork }] of parts.entries()) {
          if (cork) stream.cork();
          const content = Buffer.alloc(size, index + 1);
          stream.write(text ? content.toString('latin1') : content, text ? 'latin1' : (undefined as never));
          sent.push(content);
          if (cork && index % 2 === 0) process.nextTick(() => stream.uncork());
          else if (cork) stream.uncork();
        }
        await finish(stream);
        ok(bytes().equals(Buffer.concat(sent)));
        ok(sizes.every((size) => size <= bound));
      },
    ),
    { seed: 1, numRuns: 150 },
  );
});

test('a write within the bound is passed on as it is', async () => {
  const { stream, sizes } = createRecorder(() => false);
  limitWrites(stream as unknown as WriteEnd, 10);
  stream.write('0123456789', 'latin1');
  await finish(stream);
  deepEqual(sizes, [10]);
});

test('160 pieces that are all written at once need no deep stack', async () => {
  let deepest = 0;
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      deepest = Math.max(deepest, (new Error().stack ?? '').split('\n').length);
      done();
    },
  });
  Error.stackTraceLimit = 1_000;
  limitWrites(stream as unknown as WriteEnd, 32_768);
  stream.write(Buffer.alloc(160 * 32_768));
  await finish(stream);
  Error.stackTraceLimit = 10;
  ok(deepest > 0 && deepest < 60, `${deepest} frames`);
});

test('the first failing piece ends the write with its error, once', async () => {
  let writes = 0;
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      writes += 1;
      done(writes === 3 ? new Error('gone') : null);
    },
  });
  limitWrites(stream as unknown as WriteEnd, 4);
  const failure = await new Promise<Error | null | undefined>((resolve) => {
    stream.on('error', () => {});
    stream.write(Buffer.alloc(40), resolve);
  });
  equal(failure?.message, 'gone');
  equal(writes, 3);
});

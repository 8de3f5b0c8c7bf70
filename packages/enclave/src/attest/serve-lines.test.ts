// The protocol as a stream: wherever the bytes are cut, one answer for each line, in order, and never more than one line held.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import { toHex } from '@caisson/core/bytes';
import fc from 'fast-check';
import { type LineBackend, serveLines } from './index.ts';

const backend: LineBackend = {
  attest: async ({ publicKey }) => publicKey,
  random: async () => Uint8Array.of(1, 2),
};
const maxLine = 1_048_576;
const deep = process.env['CAISSON_LANE'] === 'deep';

async function answers(chunks: Iterable<Uint8Array>, using: LineBackend = backend): Promise<string> {
  const parts: string[] = [];
  const output = new Writable({
    write(chunk: Buffer, _, done) {
      parts.push(chunk.toString());
      done();
    },
  });
  await serveLines({ input: Readable.from(chunks), output, backend: using });
  return parts.join('');
}

const script = Buffer.from(
  '1 RND\n\r\n{"id":"2","method":"ATT","publicKey":"aabb"}\r\n3 ATT zz\n\n  {"id":"é"}\n{bad\n4 ATT 00ff - -\n\u00a05 NOPE\n6 RND',
);
const expected =
  '1 OK 0102\n0 ERR empty_request\n{"id":"2","ok":true,"data":"aabb"}\n3 ERR invalid_hex\n0 ERR empty_request\n' +
  '{"id":"","ok":false,"error":"invalid_id"}\n{"id":"","ok":false,"error":"invalid_json"}\n4 OK 00ff\n5 ERR unknown_method\n6 OK 0102\n';

test('answers the same wherever the stream is cut, at every byte and in single bytes', async () => {
  for (let at = 0; at <= script.length; at += 1) {
    assert.equal(await answers([script.subarray(0, at), script.subarray(at)]), expected, `cut at ${at}`);
  }
  assert.equal(await answers([...script].map((byte) => Buffer.from([byte]))), expected);
});

test('answers random lines cut at random places one to one, with their ids, in order', async () => {
  const runs = deep ? 5000 : 100;
  const line = fc.oneof(
    fc.nat(9999).map((id) => ({ text: `${id} RND`, id: String(id) })),
    fc.nat(9999).map((id) => ({ text: `{"id":"${id}","method":"RND"}`, id: String(id) })),
    fc.string({ maxLength: 20, unit: 'binary' }).map((text) => ({ text: text.replaceAll('\n', ' '), id: undefined })),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
      async (lines, cuts) => {
        const bytes = Buffer.from(lines.map(({ text }) => `${text}\n`).join(''));
        const chunks: Buffer[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const length = cuts[turn % cuts.length] ?? 1;
          chunks.push(bytes.subarray(at, at + length));
          at += length;
        }
        const replies = (await answers(chunks)).split('\n').slice(0, -1);
        assert.equal(replies.length, lines.length);
        for (const [index, { id }] of lines.entries()) {
          if (id === undefined) continue;
          const reply = replies[index] ?? '';
          assert.ok(reply === `${id} OK 0102` || reply === `{"id":"${id}","ok":true,"data":"0102"}`, reply);
        }
      },
    ),
    { seed: 1, numRuns: runs },
  );
});

test('answers 10,000 pipelined lines in order even when later requests would be faster', async () => {
  const count = deep ? 100_000 : 10_000;
  let running = 0;
  const uneven: LineBackend = {
    async attest({ publicKey }) {
      running += 1;
      assert.equal(running, 1, 'one request at a time');
      if (publicKey[3] === 0) await new Promise(setImmediate);
      running -= 1;
      return publicKey;
    },
    random: backend.random,
  };
  const key = (n: number): string => n.toString(16).padStart(8, '0');
  const input = Array.from({ length: count }, (_, n) => `${n} ATT ${key(n)}\n`).join('');
  const reply = await answers([Buffer.from(input)], uneven);
  assert.equal(reply, Array.from({ length: count }, (_, n) => `${n} OK ${key(n)}\n`).join(''));
});

test('discards a line of more than 1 MiB up to its newline, answers it in its form, and goes on', async () => {
  const legacy = Buffer.concat([Buffer.from('1 ATT '), Buffer.alloc(maxLine, 0x61), Buffer.from('\n2 RND\n')]);
  const json = Buffer.concat([Buffer.from(' \t{"id":"1"'), Buffer.alloc(3 * maxLine, 0x20), Buffer.from('\n2 RND\n')]);
  for (const size of [1000, 65_536, 1 << 30]) {
    const cut = function* (bytes: Buffer): Generator<Buffer> {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    };
    assert.equal(await answers(cut(legacy)), '0 ERR line_too_large\n2 OK 0102\n');
    assert.equal(await answers(cut(json)), '{"id":"","ok":false,"error":"line_too_large"}\n2 OK 0102\n');
  }
});

test('counts the newline: 1,048,575 bytes and a newline are a line, one more is not, and at the end 1,048,576 are', async () => {
  const padded = (length: number): Buffer => Buffer.from(`1 RND${' '.repeat(length - 5)}`);
  const newline = Buffer.from('\n');
  assert.equal(await answers([padded(maxLine - 1), newline]), '1 OK 0102\n');
  assert.equal(await answers([padded(maxLine), newline, Buffer.from('2 RND\n')]), '0 ERR line_too_large\n2 OK 0102\n');
  assert.equal(await answers([padded(maxLine)]), '1 OK 0102\n');
  assert.equal(await answers([padded(maxLine + 1)]), '0 ERR line_too_large\n');
});

test('ends at once on an empty input and answers a last line without a newline', async () => {
  assert.equal(await answers([]), '');
  assert.equal(await answers([Buffer.from('{"id":"9","method":"RND"}')]), '{"id":"9","ok":true,"data":"0102"}\n');
});

test('takes no more input than a slow reader of the answers leaves room for', async () => {
  const line = Buffer.from(`1 ATT ${toHex(randomBytes(1024))}\n`);
  let taken = 0;
  const input = Readable.from(
    (function* () {
      for (; taken < 10_000; taken += 1) yield line;
    })(),
    { highWaterMark: 1 },
  );
  const output = new PassThrough({ highWaterMark: 4096 });
  const served = serveLines({ input, output, backend });
  await once(output, 'readable');
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  assert.ok(taken < 20, `took ${taken} lines that nobody had read the answers of`);
  output.resume();
  await served;
  assert.equal(taken, 10_000);
});

test('rejects when the reader of the answers has gone away instead of waiting for it', async () => {
  const input = new PassThrough();
  const output = new PassThrough({ highWaterMark: 1 });
  const served = serveLines({ input, output, backend });
  input.write('1 RND\n2 RND\n');
  await once(output, 'readable');
  output.destroy();
  await assert.rejects(served, /output was closed before the answer was written/);
});

test('ends between two lines when it is told to stop, and before the first when it was told already', async () => {
  const stop = new AbortController();
  const input = new PassThrough();
  const output = new PassThrough();
  const served = serveLines({ input, output, backend, signal: stop.signal });
  input.write('1 RND\n');
  const [reply] = (await once(output, 'data')) as [Buffer];
  assert.equal(reply.toString(), '1 OK 0102\n');
  stop.abort();
  await served;
  assert.ok(input.destroyed);
  await serveLines({ input: new PassThrough(), output, backend, signal: AbortSignal.abort() });
});

// Records of strangers: any cut, any length, any type.
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { createStreamPair } from '@caisson/testkit/fake';
import fc from 'fast-check';
import { MAX_RECORD_BYTES, RecordReader, RecordWriter, recordType } from './record.ts';

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(reader: RecordReader): Promise<[number, string][]> {
  const records: [number, string][] = [];
  let open = false;
  for (;;) {
    const piece = await reader.next();
    if (piece === undefined) return records;
    const text = Buffer.from(piece.body).toString('hex');
    if (open) records.at(-1)![1] += text;
    else records.push([piece.type, text]);
    open = piece.more;
  }
}

const types = Object.values(recordType);

test('what is written is read, however the stream is cut', async () => {
  const record = fc.tuple(fc.constantFrom(...types), fc.uint8Array({ maxLength: 20_000 }));
  await fc.assert(
    fc.asyncProperty(fc.array(record, { maxLength: 12 }), fc.integer({ min: 1, max: 40_000 }), async (list, size) => {
      const pair = createStreamPair();
      const writer = new RecordWriter(pair.near);
      const sent = list.map(([type, body]) => [type, body.subarray(0, MAX_RECORD_BYTES)] as const);
      const written = (async () => {
        for (const [type, body] of sent) writer.put(type, body);
        await writer.end();
      })();
      const chunks: Uint8Array[] = [];
      for await (const chunk of pair.far) chunks.push(chunk);
      await written;
      const bytes = Buffer.concat(chunks);
      const got = await all(new RecordReader(chunksOf(bytes, size)));
      deepEqual(
        got,
        sent.map(([type, body]) => [type, Buffer.from(body).toString('hex')]),
      );
      if (bytes.length > 0) {
        await rejects(all(new RecordReader(chunksOf(bytes.subarray(0, -1), size))), { code: 'PIPELINE_LOST' });
      }
    }),
    { seed: 7, numRuns: 40 },
  );
});

test('random bytes end in an end or a typed error, and keep at most one record', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), fc.integer({ min: 1, max: 64 }), async (bytes, size) => {
      await all(new RecordReader(chunksOf(bytes, size))).catch((error: { code?: string }) =>
        ok(error.code === 'PIPELINE_RECORD' || error.code === 'PIPELINE_LOST', String(error)),
      );
    }),
    { seed: 11, numRuns: 300 },
  );
});

test('a length above the bound is refused by its header', async () => {
  const reader = new RecordReader(chunksOf(Uint8Array.of(recordType.entry, 0, 0x40, 1), 4));
  await rejects(async () => await reader.next(), {
    code: 'PIPELINE_RECORD',
    message: /at most 16384 bytes, got 16385/,
  });
  equal(MAX_RECORD_BYTES, 16_384);
});

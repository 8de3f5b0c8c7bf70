// The hex of docs/wire/pipeline.md is what this room writes and reads.
import { deepEqual, equal } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createStreamPair } from '@caisson/testkit/fake';
import { type CopyEntry, encodeEntry, parseEntry } from './copy/entry.ts';
import { RecordReader, RecordWriter, recordType } from './record.ts';

const page = readFileSync(new URL('../../../../docs/wire/pipeline.md', import.meta.url), 'utf8');
const example = /```hex entry[^\n]*\n(.*?)```/s.exec(page)![1]!;
const bytes = Buffer.from(example.replace(/\|.*$/gm, '').replace(/\s/g, ''), 'hex');

const entry: CopyEntry = {
  kind: 'file',
  path: ['a'],
  mode: 0o644,
  mtimeMs: 1_600_000_000_000,
  sizeBytes: 5,
  target: '',
  isSparse: false,
  sha256: null,
};

test('the entry of the page is written and read', async () => {
  const pair = createStreamPair();
  const writer = new RecordWriter(pair.near);
  writer.put(recordType.entry, encodeEntry(entry));
  await writer.end();
  const chunks: Uint8Array[] = [];
  for await (const chunk of pair.far) chunks.push(chunk);
  equal(Buffer.concat(chunks).toString('hex'), bytes.toString('hex'));
  const back = createStreamPair();
  await back.near.end(bytes);
  const piece = await new RecordReader(back.far).next();
  deepEqual(parseEntry(Uint8Array.from(piece!.body)), entry);
});

test('every record type of the page has its number', () => {
  const rows = [...page.matchAll(/^\| (\d+)(?:, (\d+))? \| ([a-z ,]+) \|/gm)].flatMap(([, one, two]) => [one, two]);
  const numbers = new Set(rows.filter((one) => one !== undefined).map(Number));
  for (const type of Object.values(recordType)) equal(numbers.has(type), true, `${type}`);
});

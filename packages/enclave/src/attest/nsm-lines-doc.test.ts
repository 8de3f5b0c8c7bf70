// The examples of docs/wire/nsm-lines.md are run as they stand, so that the page cannot drift from the protocol.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { serveLines } from './index.ts';

const page = readFileSync(join(import.meta.dirname, '../../../../docs/wire/nsm-lines.md'), 'utf8');
const blocks = [...page.matchAll(/^```nsm\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);

test('every example of the page is answered as the page says', async () => {
  const lines = blocks.flatMap((block) => block.trimEnd().split('\n'));
  assert.ok(lines.length >= 40);
  const requests = lines.filter((line) => line.startsWith('>')).map((line) => line.slice(2));
  const answers = lines.filter((line) => line.startsWith('<')).map((line) => line.slice(2));
  assert.equal(requests.length + answers.length, lines.length);
  const output = new PassThrough({ highWaterMark: 1 << 20 });
  await serveLines({
    input: Readable.from([Buffer.from(`${requests.join('\n')}\n`)]),
    output,
    backend: { attest: async () => Uint8Array.of(0xd0, 0xc5), random: async () => Uint8Array.of(1, 2) },
  });
  assert.deepEqual(String(output.read()).trimEnd().split('\n'), answers);
});

test('the page explains every error word that can be answered', () => {
  const source = ['line-request.ts', 'line-answer.ts']
    .map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'))
    .join('');
  const words = new Set([...source.matchAll(/'([a-z]+(?:_[a-z]+)+)'/g)].map(([, word = '']) => word));
  assert.ok(words.size >= 12, [...words].join(' '));
  for (const word of words) assert.ok(page.includes(`\`${word}\``), word);
});

// What a shim has left on disk is read whatever it is: cut, damaged, longer than anybody reads.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { logLineOf } from '@caisson/core/log';
import fc from 'fast-check';
import { readKeptEvents, readTail } from './kept-events.ts';
import { lineText } from './shown-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
const path = join(folder, 'events.jsonl');
after(() => rmSync(folder, { recursive: true }));

const whole = { time: '2026-11-21T10:00:00.000Z', level: 'info', code: 'X', message: 'y', enclave: 'web' };

test('any bytes are events or nothing, and a whole line among them is found', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      writeFileSync(path, Buffer.concat([bytes, Buffer.from(`\n${JSON.stringify(whole)}\n`), bytes]));
      const events = await readKeptEvents(path);
      ok(events.some(({ code, fields }) => code === 'X' && Object.keys(fields).length === 0));
    }),
    { seed: 4, numRuns: 150 },
  );
});

test('a line that lacks a part, or has one of another kind, is no event', async () => {
  const wrong = [
    ...Object.keys(whole).map((key) => ({ ...whole, [key]: undefined })),
    ...Object.keys(whole).map((key) => ({ ...whole, [key]: 7 })),
    { ...whole, time: 'yesterday' },
    { ...whole, fields: 7 },
    null,
    [whole],
  ];
  writeFileSync(path, wrong.map((one) => `${JSON.stringify(one)}\n`).join(''));
  deepEqual(await readKeptEvents(path), []);
  deepEqual(await readKeptEvents(join(folder, 'none')), []);
});

test('events that were moved aside when the file was full come first', async () => {
  const write = (name: string, code: string) => writeFileSync(name, `${JSON.stringify({ ...whole, code })}\n`);
  write(`${path}.1`, 'OLD');
  write(path, 'NEW');
  const codes = async (sinceMs?: number) => (await readKeptEvents(path, sinceMs)).map(({ code }) => code);
  deepEqual([await codes(), await codes(Date.parse(whole.time) + 1)], [['OLD', 'NEW'], []]);
  rmSync(`${path}.1`);
});

test('of a long file the end is read, from a whole line on', async () => {
  writeFileSync(path, Array.from({ length: 100 }, (_, at) => `line ${at}\n`).join(''));
  equal(await readTail(path, 20), 'line 98\nline 99\n');
  equal(await readTail(path, 10_000).then((text) => text.split('\n').length), 101);
});

test('what an enclave calls a log line of ours is one line on a terminal and steers nothing, whatever it says', () => {
  fc.assert(
    fc.property(
      fc.record({ level: fc.string(), code: fc.string(), message: fc.string({ unit: 'binary' }) }),
      (said) => {
        const text = JSON.stringify({ time: whole.time, ...said });
        equal(logLineOf(text)?.message, said.message);
        const line = lineText({ ...whole, level: 'info', message: text, service: 'app' }, 'app');
        ok(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(line), JSON.stringify(line));
      },
    ),
    { seed: 5, numRuns: 300 },
  );
  for (const text of ['', '{"time":', '{"time":7}', `{"time":"x","level":"","code":"","message":""}`, 'hello'])
    equal(logLineOf(text), undefined, text);
});

// SPECIFICATION.md numbers the promises. Each names a test that exists, or says "not yet": a promise nobody holds is a lie.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { files, read } from './tree.ts';

const rows = [...read('SPECIFICATION.md').matchAll(/^\| (C-[A-Z]+-\d+) \| ([^|]+) \| ([^|]+) \|$/gm)].map(
  ([, id = '', promise = '', holder = '']) => ({ id, promise: promise.trim(), holder: holder.trim() }),
);

test('promises are numbered once', () => {
  assert.ok(rows.length > 0);
  assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length);
});

test('each promise names a test file and a title in it, or "not yet"', () => {
  const tests = new Set(files(/\.ts$/));
  for (const { id, holder } of rows) {
    if (/^not yet/.test(holder)) continue;
    const [, file = '', title = ''] = /^`([^`]+)`: (.+)$/.exec(holder) ?? [];
    assert.ok(tests.has(file), `${id}: no such file as ${JSON.stringify(file)}`);
    assert.ok(read(file).includes(title), `${id}: ${file} has no test titled ${JSON.stringify(title)}`);
  }
});

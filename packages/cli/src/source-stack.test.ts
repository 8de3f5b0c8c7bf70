// Where an error came from, in files of the sources.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { sourceStack } from './source-stack.ts';

function errorOf(...places: readonly string[]): Error {
  const error = new Error('broken');
  error.stack = ['Error: broken', ...places.map((place) => `    at f (${place})`)].join('\n');
  return error;
}

test('an error of the bundled program is shown with the places of its sources, and others as they are', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-stack-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const url = pathToFileURL(join(folder, 'dist piece.mjs')).href;
  // The first character of the first line is line 11, column 7 of the source.
  const map = { version: 3, sources: ['src/a.ts'], names: [], mappings: 'AAUM' };
  writeFileSync(join(folder, 'dist piece.mjs.map'), JSON.stringify(map));
  writeFileSync(join(folder, 'broken.mjs.map'), '{');
  const others = [`${pathToFileURL(join(folder, 'none.mjs'))}:1:1`, `${pathToFileURL(join(folder, 'broken.mjs'))}:2:2`];
  assert.equal(
    sourceStack(errorOf(`${url}:1:1`, ...others, 'node:fs:1:1')),
    errorOf(join(folder, 'src/a.ts:11:7'), ...others, 'node:fs:1:1').stack,
  );
  const silent = new Error('no stack');
  delete silent.stack;
  assert.equal(sourceStack(silent), 'no stack');
});

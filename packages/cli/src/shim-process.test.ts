// A shim is started without the tree of commands: its words are known before any command is.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { createProgram } from './program.ts';
import { parseShimWords } from './shim-words.ts';

test('the words of a shim are known, and any others are the command tree’s', () => {
  assert.deepEqual(parseShimWords(['web', '--tell', '3']), ['web', { tell: '3' }]);
  assert.deepEqual(parseShimWords(['web', '--tell', '3', '--end']), ['web', { tell: '3', end: true }]);
  for (const words of [
    [],
    ['--help'],
    ['web'],
    ['web', '--tell'],
    ['web', '--tell', '3', '--start'],
    ['web', '--tell', '3', '--end', 'x'],
  ]) {
    assert.equal(parseShimWords(words), undefined, words.join(' '));
  }
});

test('shim is in no list of commands that people see', async () => {
  const sink = new PassThrough();
  const surroundings = { stdin: sink, stdout: sink, stderr: sink, env: {}, name: 'caisson' };
  const program = await createProgram({ ...surroundings, stop: new AbortController().signal, onReload: () => {} });
  assert.ok(program.commands.some((command) => command.name() === 'shim'));
  assert.doesNotMatch(program.helpInformation(), /^ {2}shim/m);
});

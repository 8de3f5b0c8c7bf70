// Command lines without a shell: what separates, what groups, and that every list of words has a line that gives it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { joinWords, splitWords } from './split-words.ts';

test('splits at blanks, groups by quotes and backslash, keeps empty words, and knows no shell', () => {
  const table: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    ['  \t ', []],
    ['/usr/bin/node /app/worker.js', ['/usr/bin/node', '/app/worker.js']],
    ['a  b\tc\n d', ['a', 'b', 'c', 'd']],
    [`sh -c 'echo "$HOME" && ls *'`, ['sh', '-c', 'echo "$HOME" && ls *']],
    [`a "b c" d'e f'g`, ['a', 'b c', 'de fg']],
    [`a "" ''`, ['a', '', '']],
    [String.raw`a\ b \"c\" \\`, ['a b', '"c"', '\\']],
    [String.raw`"a\"b" "a\\b" "a\nb"`, ['a"b', 'a\\b', 'a\\nb']],
    [String.raw`'a\b'`, ['a\\b']],
    ['a # b; c | d $X `e` > f', ['a', '#', 'b;', 'c', '|', 'd', '$X', '`e`', '>', 'f']],
  ];
  for (const [line, words] of table) assert.deepEqual(splitWords(line), words, line);
});

test('refuses what is not closed, with its place', () => {
  for (const [line, at, what] of [
    [`a 'b`, 2, "a quote '"],
    [`a "b\\"`, 2, 'a quote "'],
    ['a \\', 2, 'nothing after the backslash'],
  ] as const) {
    const fault = splitWords(line);
    assert.ok('message' in fault, line);
    assert.equal(fault.at, at);
    assert.ok(fault.message.includes(what), fault.message);
  }
});

test('any words come back from the line that joins them', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { maxLength: 6 }), (words) => {
      assert.deepEqual(splitWords(joinWords(words)), words);
    }),
    { seed: 6, numRuns: 500 },
  );
});

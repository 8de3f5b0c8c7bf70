// What a file that decides something may not have, whoever reads it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneBoundMs } from '@caisson/testkit/contract';
import { parseLocatedYaml } from './index.ts';

const faultsOf = (text: string): string[] =>
  parseLocatedYaml(text, { what: 'file', maxCharacters: 1 << 22 }).faults.map(
    ({ line, column, message }) => `${line}:${column}: ${message}`,
  );

test('a key that stands twice is shown where it stands again, however it is written and however deep', () => {
  const again = 'Map keys must be unique';
  assert.deepEqual(faultsOf('a: 1\nb: {c: 1, "c": 2}\na: 3\na: 4'), [
    `3:1: ${again}`,
    `4:1: ${again}`,
    `2:11: ${again}`,
  ]);
  assert.deepEqual(faultsOf('- {1: a, "1": b}'), [`1:10: ${again}`]);
  assert.deepEqual(faultsOf('a: {b: 1}\nc: {b: 1}'), []);
});

test('a key that some readers lose is refused wherever it stands', () => {
  const rule = 'file must have no key __proto__, got one';
  assert.deepEqual(faultsOf('__proto__: 1'), [`1:1: ${rule}`]);
  assert.deepEqual(faultsOf('a: {b: [{"__proto__": {c: 1}}]}'), [`1:10: ${rule}`]);
  assert.deepEqual(faultsOf('{"__proto__": {"eif_path": "x"}, "cpu_count": 2}'), [`1:2: ${rule}`]);
  // What merely looks like it, and what every object has, are names as others.
  assert.deepEqual(faultsOf('a: __proto__\nconstructor: 1\n_proto_: 2'), []);
});

test('many keys take the time of many keys, and not of their square', () => {
  const text = Array.from({ length: 16_000 }, (_, index) => `key${index}: v`).join('\n');
  const fromMs = performance.now();
  assert.deepEqual(faultsOf(text), []);
  assert.ok(performance.now() - fromMs < laneBoundMs(1_500));
});

test('maps and lists are as deep as a reader can follow, and the bound is named where they are deeper', () => {
  const rule = '1:1: file must have maps and lists at most 100 deep, got deeper ones';
  const nested = (deep: number): string => `${'{a: '.repeat(deep)}1${'}'.repeat(deep)}`;
  assert.deepEqual(faultsOf(nested(99)), []);
  for (const deep of [101, 300, 5_000]) {
    assert.deepEqual(faultsOf(nested(deep)), [rule], `${deep}`);
    assert.deepEqual(faultsOf(`${'['.repeat(deep)}${']'.repeat(deep)}`), [rule], `${deep}`);
  }
  const block = Array.from({ length: 1_000 }, (_, index) => `${' '.repeat(index)}a:`).join('\n');
  assert.deepEqual(faultsOf(block), [rule]);
});

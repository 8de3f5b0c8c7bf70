// Numbers as people say them: sizes and durations.
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { durationText } from './duration-text.ts';
import { sizeText } from './size-text.ts';

test('sizes are said in the unit that people would choose', () => {
  const sizes = [0, 0.4, 1_023, 1_024, 1_048_575, 1_048_576, 3_221_225_472, 2 ** 50].map(sizeText);
  deepEqual(sizes, ['0 B', '0 B', '1023 B', '1.0 KiB', '1024.0 KiB', '1.0 MiB', '3.0 GiB', '1024.0 TiB']);
});

test('durations are seconds, with two digits as long as they say something', () => {
  deepEqual([4, 9_994, 9_995, 61_000].map(durationText), ['0.00 s', '9.99 s', '10.0 s', '61.0 s']);
});

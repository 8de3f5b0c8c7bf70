// What an enclave's processes take of this machine, counted as this machine does.
import { equal } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readPageBytes } from './stats.ts';

test('memory is counted in pages of this machine, whatever their size', () => {
  equal(
    readPageBytes(() => readFileSync('/proc/self/auxv')),
    Number(execFileSync('getconf', ['PAGESIZE'])),
  );
  const words = [33n, 0x7ffd0000n, 6n, 65_536n, 0n, 0n];
  const vector = Buffer.alloc(words.length * 8);
  for (const [index, word] of words.entries()) vector.writeBigUInt64LE(word, index * 8);
  equal(
    readPageBytes(() => vector),
    65_536,
  );
  equal(
    readPageBytes(() => vector.subarray(0, 20)),
    4_096,
  );
  equal(
    readPageBytes(() => {
      throw new Error('EACCES');
    }),
    4_096,
  );
});

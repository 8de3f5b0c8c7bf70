// What is said where no QEMU can do it, and that the page for people says what the backends say.
import { deepEqual, match, ok } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SIM_DIFFERENCES } from '../backend-sim/index.ts';
import { createQemuBackend, findQemu, QEMU_DIFFERENCES } from './index.ts';

test('names what is missing of QEMU and how to get it, also where a QEMU without the machine is there', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-qemu-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const missing = await createQemuBackend({ state: folder, folder }).findMissing();
  deepEqual(
    missing.map(({ what }) => what),
    ['qemu-system-x86_64', 'vsockd'],
  );
  const program = join(folder, 'qemu-system-x86_64');
  writeFileSync(program, '#!/bin/sh\necho microvm\n', { mode: 0o755 });
  writeFileSync(join(folder, 'vsockd'), '');
  const found = findQemu({ folder });
  ok(!('program' in found));
  deepEqual(
    found.map(({ what }) => what),
    [`the machine nitro-enclave in ${program}`],
  );
  writeFileSync(program, '#!/bin/sh\necho nitro-enclave # QEMU_NSM_DIR\n', { mode: 0o755 });
  const able = findQemu({ folder });
  ok('program' in able && able.signs);
});

test('docs/simulation.md and docs/qemu.md have every difference that is printed', () => {
  for (const [page, differences] of [
    ['simulation.md', SIM_DIFFERENCES],
    ['qemu.md', QEMU_DIFFERENCES],
  ] as const) {
    const text = readFileSync(join(import.meta.dirname, '../../../../docs', page), 'utf8');
    const listed = [...text.matchAll(/^- (.*)$/gm)].map(([, line]) => line);
    deepEqual(listed, [...differences]);
    match(text, /^# /);
  }
});

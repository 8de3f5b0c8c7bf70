// How a machine is asked for.
import { deepEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { acceleratorWords } from './machine.ts';

test('virtualization of the machine is asked for where this user may have it, and emulation after it', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-kvm-'));
  context.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'kvm'), '');
  deepEqual(acceleratorWords(join(folder, 'kvm')), ['-accel', 'kvm', '-accel', 'tcg']);
  deepEqual(acceleratorWords(join(folder, 'none')), ['-accel', 'tcg']);
});

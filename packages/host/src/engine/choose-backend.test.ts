// What `auto` means on a machine, and why.
import { equal, match } from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { chooseBackend } from './choose-backend.ts';

test('auto is hardware where device and nitro-cli are, else a simulation with the reason; qemu only for whoever asks', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-choose-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const [device, program] = [join(folder, 'device'), join(folder, 'nitro-cli')];
  const choose = () => chooseBackend('auto', { PATH: `:${folder}` }, device);
  match(choose().why, /^no .* on this machine; --backend qemu/);
  writeFileSync(device, '');
  match(choose().why, /^no nitro-cli on PATH/);
  writeFileSync(program, '');
  equal(choose().backend, 'sim', 'it cannot be run');
  chmodSync(program, 0o755);
  equal(choose().backend, 'nitro');
  equal(chooseBackend('qemu', {}, device).backend, 'qemu');
});

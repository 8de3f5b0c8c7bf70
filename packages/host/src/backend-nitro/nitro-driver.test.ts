// How nitro-cli is called, whoever calls it.
import { deepEqual } from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { NitroDriver } from './nitro-driver.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-driver-'));
after(() => rmSync(folder, { recursive: true }));

test('nitro-cli is asked in one language, whatever this user speaks: it reads what lscpu prints', async () => {
  const program = join(folder, 'nitro-cli');
  writeFileSync(
    program,
    `#!/bin/sh\n[ "$LC_ALL" = C ] || { echo '[ E23 ] Malformed CPU id' >&2; exit 23; }\necho '[]'\n`,
  );
  chmodSync(program, 0o755);
  const before = process.env['LC_ALL'];
  process.env['LC_ALL'] = 'de_DE.UTF-8';
  try {
    deepEqual(await new NitroDriver(program, { callMs: 60_000, settleMs: 0, pollMs: 1 }).describe(), []);
  } finally {
    if (before === undefined) delete process.env['LC_ALL'];
    else process.env['LC_ALL'] = before;
  }
});

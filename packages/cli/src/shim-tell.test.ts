// A shim whose starter is gone when it has something to tell.
import { equal, notEqual } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readState, writeSpec } from '@caisson/host/record';
import { fakeSpec } from '@caisson/testkit/fake';

test('a shim goes on when whoever started it was killed before it could hear that it is up', {
  timeout: 120_000,
}, async () => {
  const state = mkdtempSync(join(tmpdir(), 'caisson-tell-'));
  try {
    await writeSpec(state, fakeSpec('web', { ingress: [], image: join(state, 'none.eif') }));
    const main = join(import.meta.dirname, 'main/bundle.ts');
    const words = ['--conditions=caisson-source', main, 'shim', 'web', '--tell', '3'];
    // `true` is gone long before.
    const child = spawn('sh', ['-c', '"$0" "$@" 3>&1 1>/dev/null 2>&1 | true', process.execPath, ...words], {
      stdio: 'ignore',
      env: { ...process.env, CAISSON_STATE: state },
    });
    await once(child, 'exit');
    const last = await readState(state, 'web');
    // It came as far as looking at the image, which is not there.
    equal(last?.phase, 'failed');
    notEqual(last?.failure?.code, undefined);
    equal(last?.failure?.message.includes('none.eif'), true, last?.failure?.message);
  } finally {
    rmSync(state, { recursive: true });
  }
});

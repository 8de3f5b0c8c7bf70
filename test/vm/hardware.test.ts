// The hardware smoke on the rig: a production image on its own kernel, over real AF_VSOCK, with a real NSM device, by the same script as on Nitro.
import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '@caisson/testkit/loopback';
import { startProcess } from '@caisson/testkit/program';
import { imageSkip } from '../scenario/backend/image.ts';
import { skip as noRig, rigFile } from './rig.ts';

test('the smoke of nitro-smoke.sh holds on an emulated machine, over real vsock', {
  skip: noRig || imageSkip,
  timeout: 300_000,
}, async () => {
  // Short: sockets of a state folder with a longer path lie beside it (docs/store.md), and this looks for what is left.
  const local = mkdtempSync(join(tmpdir(), 'hw-'));
  const env = {
    ...process.env,
    TMPDIR: local,
    CAISSON_QEMU: rigFile('out'),
    CAISSON_SMOKE_KERNEL: rigFile('out/bzImage'),
    CAISSON_SMOKE_BACKEND: 'qemu',
    CAISSON_SMOKE_HOST: 'localhost',
    CAISSON_SMOKE_CPUS: '1',
    CAISSON_SMOKE_HTTP_PORT: `${await freePort()}`,
    CAISSON_SMOKE_HOST_ECHO_PORT: `${await freePort()}`,
  };
  try {
    const script = join(import.meta.dirname, '../../scripts/nitro-smoke.sh');
    const { code, all } = await startProcess([script], { env }).ended;
    equal(code, 0, all);
    match(
      all,
      /\nHELD {2}argonaut's checks: 5, ours: 6; failed: 0, skipped: 0, not reached: 0; backend qemu\nSIMULATED: /,
    );
    deepEqual(readdirSync(local), []);
  } finally {
    rmSync(local, { recursive: true });
  }
});

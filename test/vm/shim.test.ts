// A shim with an enclave on a machine of its own, and nothing left of either when it is killed. How it is kept to ready and reached, `up` shows.
import { equal } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { readProcessStart } from '@caisson/host/file';
import { measureImage } from '@caisson/host/image';
import { readState, writeSpec } from '@caisson/host/record';
import { openShim, startShim } from '@caisson/host/shim';
import { writeProbeImage } from '@caisson/testkit/backend';
import { fakeSpec } from '@caisson/testkit/fake';
import { programWords } from '@caisson/testkit/program';
import { imageSkip } from '../scenario/backend/image.ts';
import { skip as noRig, rigFile } from './rig.ts';

const folder = mkdtempSync(join(tmpdir(), 'c-vm-keep-'));
const state = join(folder, 'state');
after(async () => {
  const client = await openShim(state, 'hello').catch(() => undefined);
  await client?.kill().catch(() => {});
  rmSync(folder, { recursive: true, force: true });
});

test('an enclave in QEMU ends with its shim, killed as it may be', {
  skip: noRig || imageSkip,
  timeout: 300_000,
}, async () => {
  const image = join(folder, 'waits.eif');
  await writeProbeImage({ path: image, kernel: rigFile('out/bzImage'), words: ['signal'] });
  const asked = { image, measurements: await measureImage(image), memoryMiB: 512, cpus: { count: 1 } };
  await writeSpec(
    state,
    fakeSpec('hello', { ...asked, backend: 'qemu', hasReadyLine: false, readyTimeoutMs: 120_000 }),
  );
  const client = await startShim({
    state,
    name: 'hello',
    words: programWords(),
    env: { ...process.env, CAISSON_QEMU: rigFile('out') },
  });
  for await (const { code, fields, message } of client.events({ follow: true })) {
    if (code === 'ENCLAVE_FAILED') throw new Error(message);
    if (fields['phase'] === 'ready') break;
  }
  const { shim, pids } = await client.status();
  process.kill(shim.pid, 'SIGKILL');
  for (const pid of [shim.pid, ...pids]) while ((await readProcessStart(pid)) !== '') await pause(10);
  equal((await readState(state, 'hello'))?.phase, 'lost');
});

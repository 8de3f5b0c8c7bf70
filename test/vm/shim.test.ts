// A shim with an enclave on a machine of its own: its ready line and its ways in over real AF_VSOCK, and nothing left of either when it is killed.
import { deepEqual, equal } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { readProcessStart } from '@caisson/host/file';
import { measureImage } from '@caisson/host/image';
import { readState, writeSpec } from '@caisson/host/record';
import { openShim, startShim } from '@caisson/host/shim';
import { fakeSpec } from '@caisson/testkit/fake';
import { programWords } from '@caisson/testkit/program';
import { imageSkip, makeImages } from '../scenario/backend/image.ts';
import { skip as noRig, rigFile } from './rig.ts';

const folder = mkdtempSync(join(tmpdir(), 'c-vm-keep-'));
const state = join(folder, 'state');
after(async () => {
  const client = await openShim(state, 'hello').catch(() => undefined);
  await client?.kill().catch(() => {});
  rmSync(folder, { recursive: true, force: true });
});

test('an enclave in QEMU is kept to ready, reached by its ways in, and ends with its shim, killed as it may be', {
  skip: noRig || imageSkip,
  timeout: 300_000,
}, async () => {
  const { hello: image } = await makeImages(folder, rigFile('out/bzImage'));
  const ingress = [{ hostAddress: '127.0.0.1', hostPort: 0, port: 8080, vsockPort: 8080, holdMs: 0 }];
  const asked = { image, measurements: await measureImage(image), memoryMiB: 512, cpus: { count: 1 }, ingress };
  await writeSpec(state, fakeSpec('hello', { ...asked, backend: 'qemu', readyTimeoutMs: 120_000 }));
  const client = await startShim({
    state,
    name: 'hello',
    words: programWords(),
    env: { ...process.env, CAISSON_QEMU: rigFile('out') },
  });
  const phases: unknown[] = [];
  let port = 0;
  for await (const { code, fields, message } of client.events({ follow: true })) {
    if (code === 'INGRESS_BOUND') port = Number(fields['port']);
    if (code === 'ENCLAVE_PHASE') phases.push(fields['phase']);
    if (code === 'ENCLAVE_FAILED') throw new Error(message);
    if (fields['phase'] === 'ready') break;
  }
  deepEqual([...new Set(phases)], ['starting', 'booting', 'services', 'ready']);
  equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'hello from inside');
  const { shim, pids } = await client.status();
  process.kill(shim.pid, 'SIGKILL');
  for (const pid of [shim.pid, ...pids]) while ((await readProcessStart(pid)) !== '') await pause(10);
  equal((await readState(state, 'hello'))?.phase, 'lost');
});

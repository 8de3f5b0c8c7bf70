// `ready` of caisson.yaml in an image that runs: where its program is not in time, the enclave is not ready and says why. Probes that hold are the supervisor's tests.
import { equal, match, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSimBackend } from '@caisson/host/backend-sim';
import { NotReadyError, waitUntilReady } from '@caisson/host/ready';
import { buildFolder } from './backend/image.ts';
import { simulatorSkip as skip } from './backend/simulator-skip.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-ready-'));
after(() => rmSync(folder, { recursive: true }));
const backend = createSimBackend({ state: join(folder, 'state') });
if (skip) console.error(`image-ready: SKIPPED, NOTHING WAS STARTED: ${skip}`);

test('a program that never answers leaves its enclave not ready, with the reason, within the time of its image', {
  skip,
  timeout: 300_000,
}, async () => {
  const kernel = join(folder, 'bzImage');
  writeFileSync(kernel, 'a kernel of few words');
  const image = await buildFolder(join(folder, 'mute'), kernel, {
    'main.js': 'setInterval(() => {}, 1000000)',
    'caisson.yaml': 'name: mute\nprofile: development\nready: { tcp: 8080, timeout: 1s }\n',
  });
  const enclave = await backend.start({ name: 'mute', image, memoryMiB: 384, cpus: { count: 1 } });
  try {
    const { cid, transport } = enclave;
    // Heard on its line: an enclave whose program has failed ends.
    await rejects(waitUntilReady({ cid, transport, deadlineMs: 120_000, line: true }), (error: unknown) => {
      ok(error instanceof NotReadyError);
      equal(error.code, 'READY_FAILED', error.message);
      match(error.message, /\(service-not-ready app\b/);
      return true;
    });
  } finally {
    await enclave.kill();
  }
});

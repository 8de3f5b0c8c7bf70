// `ready` of caisson.yaml in an image that runs: the enclave is ready when its program is, and says why not when it is not in time.
import { equal, match, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSimBackend } from '@caisson/host/backend-sim';
import { NotReadyError, waitUntilReady } from '@caisson/host/ready';
import { buildFolder, imageSkip } from './backend/image.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-ready-'));
after(() => rmSync(folder, { recursive: true }));
const backend = createSimBackend({ state: join(folder, 'state') });
const lacks = imageSkip === false ? await backend.findMissing() : [];
const skip = imageSkip || (lacks[0] !== undefined && `the simulator needs ${lacks[0].what}`);
if (skip) console.error(`image-ready: SKIPPED, NOTHING WAS STARTED: ${skip}`);

async function start(name: string, main: string, ready: string) {
  const kernel = join(folder, 'bzImage');
  writeFileSync(kernel, 'a kernel of few words');
  const image = await buildFolder(join(folder, name), kernel, {
    'main.js': main,
    'caisson.yaml': `name: ${name}\nprofile: development\nready: ${ready}\n`,
  });
  return await backend.start({ name, image, memoryMiB: 384, cpus: { count: 1 } });
}

test('a program that never answers leaves its enclave not ready, with the reason, within the time of its image', {
  skip,
  timeout: 60_000,
}, async () => {
  const enclave = await start('mute', 'setInterval(() => {}, 1000000)', '{ tcp: 8080, timeout: 1s }');
  try {
    const { cid, transport } = enclave;
    // Heard on its line: an enclave whose program has failed ends.
    await rejects(waitUntilReady({ cid, transport, deadlineMs: 20_000, line: true }), (error: unknown) => {
      ok(error instanceof NotReadyError);
      equal(error.code, 'READY_FAILED', error.message);
      match(error.message, /\(service-not-ready app\b/);
      return true;
    });
  } finally {
    await enclave.kill();
  }
});

test('a program is ready when it answers, and not before', { skip, timeout: 60_000 }, async () => {
  const late = `const from = Date.now();
require('node:http').createServer((ask, answer) => {
  answer.statusCode = Date.now() - from < 700 ? 503 : 200;
  answer.end();
}).listen(8080, '127.0.0.1');`;
  const enclave = await start('late', late, '{ http: 8080, timeout: 20s }');
  try {
    const { cid, transport } = enclave;
    const fromMs = performance.now();
    const report = await waitUntilReady({ cid, transport, deadlineMs: 20_000, intervalMs: 50 });
    equal(report.health?.status, 'ok');
    ok(performance.now() - fromMs > 500, 'it was called ready before it answered well');
  } finally {
    await enclave.kill();
  }
});

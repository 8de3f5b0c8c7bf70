// examples/argonaut, as its user would run it: everything in one go, on a port of the kernel's choice.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProcess } from '@caisson/testkit/program';

const root = join(import.meta.dirname, '../..');
const start = join(root, 'examples/argonaut/run.ts');
const run = (words: readonly string[], folder: string) =>
  startProcess([process.execPath, start, ...words], { cwd: root, env: { ...process.env, TMPDIR: folder } }).ended;
const missing =
  (!existsSync(join(root, 'dist/caisson-enclave-development.mjs')) && 'not built') ||
  (spawnSync('openssl', ['version']).status !== 0 && 'no openssl here');

test('the argonaut example carries 1,000 requests in and out, checks a document, and leaves nothing behind', {
  skip: missing,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-start-'));
  const { code, out, all } = await run(['--once', '--port', '0'], folder);
  assert.equal(code, 0, all);
  assert.match(out, /requests +1000, 0 failed/);
  assert.match(out, /latency +p50 [\d.]+ ms, p99 [\d.]+ ms/);
  assert.match(out, /module id +i-[0-9a-f]{17}-enc[0-9a-f]{16}/);
  assert.match(out, /PCR2 +[0-9a-f]{96}/);
  assert.match(out, /chain +ok \(openssl/);
  assert.match(out, /signature +ok \(openssl/);
  assert.match(out, /SIMULATED/);
  assert.deepEqual(readdirSync(folder), []);
  rmSync(folder, { recursive: true });
});

test('a port in use is named, and another is offered', { skip: missing }, async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const { code, err } = await run(['--once', '--port', String(port)], tmpdir());
    assert.equal(code, 1);
    assert.match(err, new RegExp(`port ${port} on 127.0.0.1 is in use; try: npm start -- --port ${port + 1}`));
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

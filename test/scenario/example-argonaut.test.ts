// examples/argonaut, as its user would run it: everything in one go, on a port of the kernel's choice.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const start = join(root, 'examples/argonaut/run.ts');
const missing =
  (!existsSync(join(root, 'dist/caisson-enclave-development.mjs')) && 'not built') ||
  (spawnSync('openssl', ['version']).status !== 0 && 'no openssl here');

test('the argonaut example carries 1,000 requests in and out, checks a document, and leaves nothing behind', {
  skip: missing,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-start-'));
  const { code, stdout, stderr } = await run(['--once', '--port', '0'], folder);
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.match(stdout, /requests +1000, 0 failed/);
  assert.match(stdout, /latency +p50 [\d.]+ ms, p99 [\d.]+ ms/);
  assert.match(stdout, /module id +i-[0-9a-f]{17}-enc[0-9a-f]{16}/);
  assert.match(stdout, /PCR2 +[0-9a-f]{96}/);
  assert.match(stdout, /chain +ok \(openssl/);
  assert.match(stdout, /signature +ok \(openssl/);
  assert.match(stdout, /SIMULATED/);
  assert.deepEqual(readdirSync(folder), []);
  rmSync(folder, { recursive: true });
});

test('a port in use is named, and another is offered', { skip: missing }, async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const { code, stderr } = await run(['--once', '--port', String(port)], tmpdir());
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`port ${port} on 127.0.0.1 is in use; try: npm start -- --port ${port + 1}`));
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

async function run(words: string[], folder: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [start, ...words], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: folder },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

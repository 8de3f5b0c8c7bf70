// How a program ends: what a signal cut short is no fault, and is not reported as one.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { run } from './run.ts';

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`an opening that ${signal} cuts short ends with ${code} and reports nothing`, async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'caisson-run-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const policy = join(folder, 'policy.yaml');
    writeFileSync(policy, `v: 1\npcrs: { 0: ${'ab'.repeat(48)} }\n`);
    const env = { CAISSON_VSOCK: `fabric:${folder}`, XDG_CONFIG_HOME: folder, CAISSON_STATE: folder };
    const go = async (words: string[], stop = new AbortController().signal): Promise<[number, string]> => {
      const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
      let said = '';
      stderr.on('data', (text) => {
        said += text;
      });
      return [await run(words, { stdin, stdout, stderr, env, name: 'caisson', onReload: () => {}, stop }), said];
    };
    assert.equal((await go(['operator', 'create', 'dev']))[0], 0);
    const words = ['exec', '--policy', policy, '--operator', 'dev', '16', '--', 'ps'];
    assert.deepEqual(await go(words, AbortSignal.abort(signal)), [code, '']);
  });
}

test('nothing that a message repeats steers a terminal', async () => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const words = ['image', 'inspect', '/none/\u001b]0;x\u0007\u202e'];
  const stop = new AbortController().signal;
  const code = await run(words, { stdin, stdout, stderr, env: {}, name: 'caisson', onReload: () => {}, stop });
  const said = String(stderr.read());
  assert.equal(code, 1);
  assert.match(said, /\/none\/\\u001b\]0;x\\u0007\\u202e/);
  assert.doesNotMatch(said, /[\u001b\u0007\u202e]/);
});

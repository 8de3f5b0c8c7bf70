import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { run } from './run.ts';

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`work that ${signal} cuts short ends with ${code} and reports nothing`, async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'caisson-run-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    stdin.end('{}');
    let said = '';
    stderr.on('data', (text) => {
      said += text;
    });
    const terms = { stdin, stdout, stderr, env: { CAISSON_VSOCK: `fabric:${folder}` }, name: 'caisson' };
    const ended = await run(['config', 'send', '16'], {
      ...terms,
      onReload: () => {},
      stop: AbortSignal.abort(signal),
    });
    assert.deepEqual([ended, said], [code, '']);
  });
}

// What `caisson init` writes into an empty folder is built as it stands. Node and the kernel are stand-ins of some bytes, because nothing is booted.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { layer } from '@caisson/testkit/oci';
import { hear } from '@caisson/testkit/program';
import { run } from '../../packages/cli/src/run.ts';

const root = join(import.meta.dirname, '../..');
const parts = [`packages/sys/build/linux-${process.arch}/caisson-init`, 'dist/caisson-enclave.mjs'];
const missing = parts.find((path) => !existsSync(join(root, path)));
const skip = missing !== undefined && `no ${missing} (npm run build, with a C compiler)`;
if (skip) console.error(`first file: SKIPPED, NOTHING WAS BUILT: ${skip}`);
const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const loader = machine === 'aarch64' ? 'ld-linux-aarch64.so.1' : 'ld-linux-x86-64.so.2';

test('the first caisson.yaml of an empty folder passes compose check and caisson build', { skip }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-init-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const at = (path: string): string => join(folder, path);
  const file = (path: string, text: string) => ({
    path,
    kind: 'file' as const,
    mode: 0o755,
    content: Buffer.from(text),
  });
  writeFileSync(at('bzImage'), 'a kernel of few words');
  writeFileSync(
    at('runtime.tar'),
    layer(
      file('runtime.json', JSON.stringify({ v: 1, node: '24.0.0', architecture: machine })),
      file('runtime/bin/node', 'node'),
      file(`runtime/lib/${loader}`, 'loader'),
      file('busybox', 'busybox'),
    ),
  );
  const given = ['--kernel', at('bzImage'), '--runtime', at('runtime.tar')];
  for (const words of [
    ['init', at('app'), '--yes'],
    ['compose', 'check', '-f', at('app/caisson.yaml')],
    ['build', at('app'), '-o', at('app.eif'), ...given],
  ]) {
    const { code, err } = await hear(run, words, { env: { XDG_CONFIG_HOME: at('config') } });
    assert.equal(code, 0, `${words.join(' ')}: ${err}`);
  }
  assert.ok(existsSync(at('app.eif')));
  assert.ok(existsSync(at('config/caisson/operators/dev.key')), 'with a key to command it, made by the build');
});

// Kernels and the runtime archive from the command line: exit codes, what is printed, and that nothing is written after a refusal.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { hear } from '@caisson/testkit/program';
import { createLoopbackMirror } from '@caisson/testkit/runtime';
import { run } from '../run.ts';

let folder: string;
const at = (name: string): string => join(folder, name);

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-kernels-'));
  writeFileSync(at('config'), '# Linux/x86 6.12.95 Kernel Configuration\nCONFIG_64BIT=y\nCONFIG_MODULES=y\n');
  writeFileSync(at('text'), 'no configuration');
});
after(() => rmSync(folder, { recursive: true }));

const caisson = (...words: readonly string[]) => hear(run, words, { env: { CAISSON_CACHE: at('cache') } });

test('kernel config names each fault with its reason and ends with 2, with 1 for what is no configuration', async () => {
  const { code, out } = await caisson('kernel', 'config', at('config'));
  assert.equal(code, 2);
  assert.match(out, /^fault CONFIG_VSOCKETS must be y, got n: the only way out of an enclave is vsock$/m);
  assert.match(out, /^advice CONFIG_MODULES must be n, got y: /m);
  assert.doesNotMatch(out, /CONFIG_64BIT|CONFIG_TUN/);
  assert.match((await caisson('kernel', 'config', at('config'), '--profile', 'network')).out, /CONFIG_TUN/);
  const json = await caisson('kernel', 'config', at('config'), '--json');
  assertFitsSchema(JSON.parse(json.out), 'kernel-config');
  assert.equal(json.code, 2);
  const text = await caisson('kernel', 'config', at('text'));
  assert.deepEqual([text.code, text.out], [1, '']);
  assert.match(text.err, /text: line 1 must be CONFIG_NAME=VALUE or a comment/);
});

test('a wrong command line ends with 64 before anything is fetched or built', async () => {
  for (const words of [
    ['kernel', 'build', '--profile', 'all'],
    ['kernel', 'build', '--source', 'linux.tar'],
    ['kernel', 'build', '--source', 'linux.tar', '--sha256', 'ab'],
    ['kernel', 'build', '--jobs', '0'],
    ['kernel', 'config', at('config'), '--profile', 'all'],
  ]) {
    assert.equal((await caisson(...words)).code, 64, words.join(' '));
  }
  assert.ok(!existsSync(at('cache')));
});

const node = join(import.meta.dirname, '../../../../node_modules', `node-linux-${process.arch}`);
const skip = !existsSync(node) && 'npm installed no pinned Node, and npm would be asked for it';

test('runtime pack without a mirror ends with 1, says what to do, and writes nothing', { skip }, async () => {
  const mirror = await createLoopbackMirror(new Map());
  try {
    const { code, out, err } = await caisson('runtime', 'pack', '-o', at('a.tar'), '--mirror', mirror.url);
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /^caisson: cannot fetch libc6 .*: answered 404$/m);
    assert.match(err, /^ {2}hint: .*--mirror URL/m);
    assert.match((await caisson('runtime', 'pack', '--arch', 'riscv64')).err, /architecture must be one of/);
  } finally {
    await mirror.close();
  }
  assert.deepEqual(readdirSync(folder).sort(), ['cache', 'config', 'text']);
});

// The addon under AddressSanitizer and UBSan: every test of the kernel door and of the bridge runs again on a build that ends
// the process at the first wrong access. Leaks are not looked for: Node itself leaves memory to the end of the process.
import { equal, match } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const compiler = process.env['CC'] || 'cc';
const asked = spawnSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' });
// A compiler that has none answers with the bare name.
const libasan = asked.status === 0 && asked.stdout.startsWith('/') ? asked.stdout.trim() : undefined;
const skip = libasan === undefined && `${compiler} has no libasan.so`;
const env = {
  ...process.env,
  LD_PRELOAD: libasan,
  CAISSON_ADDON: 'sanitize',
  CAISSON_LANE: 'fast',
  ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
  NODE_TEST_CONTEXT: undefined,
};

function run(words: readonly string[]): { status: number | null; output: string } {
  const child = spawnSync(process.execPath, words, { cwd: root, env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return { status: child.status, output: `${child.stdout}${child.stderr}` };
}

test('the sanitized addon builds and is the one that runs', { skip }, () => {
  const built = spawnSync(process.execPath, ['scripts/addon.ts', '--sanitize'], { cwd: root, encoding: 'utf8' });
  equal(`${built.status}${built.stderr}`, '0');
  const code = "import { loadAddon } from '@caisson/sys'; console.log(loadAddon().path)";
  const { status, output } = run(['--conditions=caisson-source', '--input-type=module', '-e', code]);
  match(output, /-sanitize\/caisson\.node\n$/);
  equal(status, 0);
});

test('the sanitizer is in the process and its checks are in the addon', { skip }, () => {
  const code = "process.stdout.write(require('fs').readFileSync('/proc/self/maps'))";
  match(run(['-e', code]).output, /\/libasan\.so/);
  const file = readFileSync(join(root, `packages/sys/build/linux-${process.arch}-sanitize/caisson.node`), 'latin1');
  for (const check of ['__asan_report_load8', '__asan_report_store8', '__ubsan_handle_'])
    equal(file.includes(check), true);
});

const files = globSync(
  ['packages/sys/src/*.test.ts', 'packages/testkit/src/fake/kernel.test.ts', 'packages/link/src/bridge/*.test.ts'],
  {
    cwd: root,
  },
).filter((file) => !file.endsWith('addon-file.test.ts'));

for (const file of files.sort()) {
  test(`${file} holds under AddressSanitizer and UBSan`, { skip }, () => {
    const { status, output } = run(['--test', '--conditions=caisson-source', file]);
    equal(/AddressSanitizer|runtime error:/.test(output), false, output);
    equal(status, 0, output);
  });
}

// PID 1 under UBSan: all its tests run again on a build in which undefined behaviour is a trap, which ends PID 1 by a signal and
// so fails the test that met it. AddressSanitizer cannot be linked statically; there is no allocation for it to watch anyway.
import { equal, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const file = 'packages/sys/src/pid1/pid1.test.ts';
const plain = join(root, `packages/sys/build/linux-${process.arch}/caisson-init`);
const sanitized = join(root, `packages/sys/build/linux-${process.arch}-sanitize/caisson-init`);
const skip = !existsSync(plain) && 'PID 1 is not built (npm run build, with gcc and libc6-dev)';
// Chosen: its tests take about five seconds.
const runMs = 180_000;

function run(words: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    cwd: root,
    encoding: 'utf8',
    timeout: runMs,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, CAISSON_LANE: 'fast', CAISSON_PID1: 'sanitize' },
  });
  return { status, output: `${stdout}${stderr}` };
}

test('the sanitized PID 1 builds, and has the traps that the plain one has not', { skip }, () => {
  const { status, output } = run(['scripts/pid1.ts', '--sanitize']);
  equal(status, 0, output);
  if (process.arch !== 'x64') return;
  const [before, after] = [plain, sanitized].map(countTraps) as [number, number];
  ok(after >= before + 20, `${after} traps, ${before} in the plain build`);
});

test(`${file} holds under UBSan`, { skip }, (context) => {
  const { status, output } = run(['--test', '--conditions=caisson-source', '--test-reporter=tap', file]);
  equal(status, 0, output);
  const [, passed] = /^# pass (\d+)$/m.exec(output) ?? [];
  const [, reason] = /# SKIP (.+)$/m.exec(output) ?? [];
  if (reason !== undefined) context.skip(reason);
  else ok(Number(passed) > 0, output);
});

/** `ud2`, 0F 0B, as `-fsanitize-undefined-trap-on-error` compiles a failed check. */
function countTraps(path: string): number {
  return readFileSync(path, 'latin1').split('\x0f\x0b').length - 1;
}

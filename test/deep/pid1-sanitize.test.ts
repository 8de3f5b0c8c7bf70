// PID 1 under UBSan: all its tests run again on a build in which undefined behaviour is a trap, which ends PID 1 by a signal and
// so fails the test that met it. AddressSanitizer cannot be linked statically; the parser of what a supervisor writes is run under
// it as a plain program, with a hundred thousand frames that are almost right.
import { equal, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeStart } from '../../packages/sys/src/pid1/frame.ts';

const root = join(import.meta.dirname, '../..');
const folder = 'packages/sys/src/pid1';
const names = ['contract', 'hostile', 'pid1', 'start', 'supervise'];
const files = [...names.map((name) => `${folder}/${name}.test.ts`), 'packages/sys/src/sim/plain.test.ts'];
const plain = join(root, `packages/sys/build/linux-${process.arch}/caisson-init`);
const sanitized = join(root, `packages/sys/build/linux-${process.arch}-sanitize/caisson-init`);
const skip = !existsSync(plain) && 'PID 1 is not built (npm run build, with gcc and libc6-dev)';
// Chosen: the longest takes about ten seconds.
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

for (const file of files) {
  test(`${file} holds under UBSan`, { skip }, (context) => {
    const { status, output } = run(['--test', '--conditions=caisson-source', '--test-reporter=tap', file]);
    equal(status, 0, output);
    const [, passed] = /^# pass (\d+)$/m.exec(output) ?? [];
    const [, reason] = /# SKIP (.+)$/m.exec(output) ?? [];
    if (reason !== undefined) context.skip(reason);
    else ok(Number(passed) > 0, output);
  });
}

test('no start that a supervisor writes makes its parser read past the frame', { skip }, (context) => {
  const sources = ['frame', 'start', 'service', 'table', 'hold', 'kill', 'become', 'place', 'fuzz/parse'];
  const out = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(out, { recursive: true }));
  const program = join(out, 'parse');
  const flags = ['-std=c11', '-D_GNU_SOURCE', '-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  const words = [...flags, '-o', program, ...sources.map((name) => `packages/sys/pid1/${name}.c`)];
  const built = spawnSync(process.env['CC'] ?? 'cc', words, { cwd: root, encoding: 'utf8' });
  if (built.status !== 0 && /asan|ubsan/.test(built.stderr)) {
    context.skip('the compiler has no sanitizer to link');
    return;
  }
  equal(built.status, 0, built.stderr);
  const bodies = fc.sample(mutant, { seed: 8, numRuns: 100_000 });
  const input = Buffer.concat(bodies.flatMap((body) => [Buffer.of(body.length >> 8, body.length & 255), body]));
  const { status, stdout, stderr } = spawnSync(program, { input, encoding: 'utf8', timeout: runMs });
  equal(status, 0, stderr);
  const [, total, parsed, sound] = /^total (\d+) parsed (\d+) sound (\d+)$/m.exec(stdout)?.map(Number) ?? [];
  equal(total, bodies.length);
  // Some of each kind, or nothing was tried.
  ok(sound! > 100 && parsed! > sound! && total! > parsed!, stdout);
});

const whole = encodeStart({
  name: 'web',
  argv: ['/bin/web', '-p'],
  env: { A: 'b', C: '' },
  cwd: '/',
  uid: 1,
  gid: 2,
  umask: 0o022,
  limitNofile: 4096,
  noNewPrivileges: true,
  oomScoreAdjust: -500,
  cgroup: 'a/b',
  streams: { stdin: null, stdout: '/run/caisson/log/web.out', stderr: null, hold: true },
});
/** Bytes changed, cut off, put in or added. */
const mutant = fc
  .tuple(fc.array(fc.tuple(fc.nat(150), fc.nat(255)), { maxLength: 4 }), fc.nat(12), fc.nat(150))
  .map(([changes, kind, place]) => {
    const body = Buffer.from(whole);
    for (const [at, byte] of changes) body[at % body.length] = byte;
    if (kind === 0) return body.subarray(0, place % body.length);
    if (kind === 1) return Buffer.concat([body, Buffer.of(place)]);
    if (kind === 2) return Buffer.concat([body.subarray(0, place), Buffer.of(0), body.subarray(place)]);
    return body;
  });

/** `ud2`, 0F 0B, as `-fsanitize-undefined-trap-on-error` compiles a failed check. */
function countTraps(path: string): number {
  return readFileSync(path, 'latin1').split('\x0f\x0b').length - 1;
}

// Builds packages/sys/build/linux-<arch>/caisson-init, the first process of an enclave, from packages/sys/pid1/*.c: static, so
// that it runs where there is nothing else. Beside it the probe that its tests start, and the launcher of the names in images, and
// the program that sets the stage of a simulated enclave, which where there is no room is PID 1 itself without its mounts. Does nothing when sources, flags and
// compiler are those of the last build. Without a compiler or a static C library it says so in one line and succeeds.
// `--sanitize`: UBSan that traps, in a folder of its own. `--arch arm64`: with CC set to a cross compiler.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compile, compilers, findCompiler, root } from './compile.ts';

const { values } = parseArgs({
  options: { sanitize: { type: 'boolean', default: false }, arch: { type: 'string', default: process.arch } },
});
const folder = join(root, `packages/sys/build/linux-${values.arch}${values.sanitize ? '-sanitize' : ''}`);

const flags = [
  ...['-static', '-Os', '-s', '-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-fstack-protector-strong'],
  ...['-Wl,-z,relro', '-Wl,-z,now', '-Wl,-z,noexecstack', '-Wl,--build-id=none'],
  ...(values.sanitize ? ['-fsanitize=undefined', '-fsanitize-undefined-trap-on-error'] : []),
];

const pid1 = globSync('packages/sys/pid1/*.c', { cwd: root }).sort();
const ofHardware = /\/(main|mount|place)\.c$/;

for (const [name, sources] of [
  ['caisson-init', pid1],
  ['caisson-init-probe', globSync('packages/sys/pid1/probe/*.c', { cwd: root }).sort()],
  ['caisson-launcher', ['packages/sys/launcher/launcher.c']],
  [
    'caisson-sim',
    [...globSync('packages/sys/sim/*.c', { cwd: root }).sort(), ...pid1.filter((path) => !ofHardware.test(path))],
  ],
] as const) {
  const line = build(name, sources);
  if (line === undefined) continue;
  console.error(`pid1: ${line}`);
  break;
}

/** Returns the line to print when nothing was built. */
function build(name: string, sources: readonly string[]): string | undefined {
  if (process.platform !== 'linux') return `not built on ${process.platform}: it is a Linux program`;
  const compiler = findCompiler();
  if (compiler === undefined) {
    const looked = `looked for CC, ${compilers.join(', ')}`;
    return `no C compiler (${looked}): no image can be built from this tree; install gcc`;
  }
  const { command } = compiler;
  return compile({
    compiler,
    flags,
    sources,
    headers: globSync('packages/sys/{pid1,pid1/probe,sim}/*.h', { cwd: root }).sort(),
    output: join(folder, name),
    obstacle: () =>
      canLinkStatic(command)
        ? undefined
        : `${command} cannot link statically: no image can be built from this tree; install libc6-dev (libc.a)`,
  });
}

function canLinkStatic(command: string): boolean {
  const words = ['-static', '-x', 'c', '-o', '/dev/null', '-'];
  return spawnSync(command, words, { input: 'int main(void) { return 0; }\n' }).status === 0;
}

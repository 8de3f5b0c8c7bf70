// Builds packages/sys/build/linux-<arch>/caisson-init, the first process of an enclave, from packages/sys/pid1/*.c: static, so
// that it runs where there is nothing else. Beside it the probe that its tests start. Does nothing when sources, flags and
// compiler are those of the last build. Without a compiler or a static C library it says so in one line and succeeds.
// `--sanitize`: UBSan that traps, in a folder of its own. `--arch arm64`: with CC set to a cross compiler.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: { sanitize: { type: 'boolean', default: false }, arch: { type: 'string', default: process.arch } },
});
const folder = join(root, `packages/sys/build/linux-${values.arch}${values.sanitize ? '-sanitize' : ''}`);

const flags = [
  ...['-static', '-Os', '-s', '-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-fstack-protector-strong'],
  ...['-Wl,-z,relro', '-Wl,-z,now', '-Wl,-z,noexecstack', '-Wl,--build-id=none'],
  ...(values.sanitize ? ['-fsanitize=undefined', '-fsanitize-undefined-trap-on-error'] : []),
];

for (const [name, sources] of [
  ['caisson-init', globSync('packages/sys/pid1/*.c', { cwd: root }).sort()],
  ['caisson-init-probe', globSync('packages/sys/pid1/probe/*.c', { cwd: root }).sort()],
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
    return 'no C compiler (looked for CC, cc, gcc, clang): no image can be built from this tree; install gcc';
  }
  const [output, stamp] = [join(folder, name), join(folder, `${name}.stamp`)];
  const wanted = hashInputs(sources, compiler.version);
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined;
  if (!canLinkStatic(compiler.command)) {
    return `${compiler.command} cannot link statically: no image can be built from this tree; install libc6-dev (libc.a)`;
  }
  mkdirSync(folder, { recursive: true });
  const fresh = join(folder, `.${name}-${process.pid}`);
  const { status } = spawnSync(compiler.command, [...flags, '-o', fresh, ...sources], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) {
    rmSync(fresh, { force: true });
    process.exitCode = 1;
    return `${compiler.command} ended with ${status === null ? 'a signal' : `exit ${status}`}`;
  }
  renameSync(fresh, output);
  writeFileSync(stamp, wanted);
  return undefined;
}

function findCompiler(): { command: string; version: string } | undefined {
  const named = process.env['CC'];
  for (const command of named === undefined || named === '' ? ['cc', 'gcc', 'clang'] : [named]) {
    const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    if (status === 0) return { command, version: `${command} ${stdout.split('\n', 1)[0]}` };
  }
  return undefined;
}

function canLinkStatic(command: string): boolean {
  const words = ['-static', '-x', 'c', '-o', '/dev/null', '-'];
  return spawnSync(command, words, { input: 'int main(void) { return 0; }\n' }).status === 0;
}

function hashInputs(sources: readonly string[], compilerVersion: string): string {
  const digest = createHash('sha256').update([compilerVersion, ...flags].join('\0'));
  for (const file of [...sources, ...globSync('packages/sys/pid1/*.h', { cwd: root }).sort()]) {
    digest.update(`\0${file}\0`).update(readFileSync(join(root, file)));
  }
  return digest.digest('hex');
}

// The C compiler of the machine, and one way to use it: only when something it reads has changed, beside the old file and renamed
// over it, so that a process that has the old one mapped keeps its inode and no reader sees half a file.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export const root = join(import.meta.dirname, '..');
export const compilers = ['cc', 'gcc', 'clang'];

export interface Compiler {
  readonly command: string;
  readonly version: string;
}

/** CC where it is set, else the first of the usual names; undefined when none runs. */
export function findCompiler(): Compiler | undefined {
  const named = process.env['CC'];
  for (const command of named ? [named] : compilers) {
    const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    if (status === 0) return { command, version: `${command} ${stdout.split('\n', 1)[0]}` };
  }
  return undefined;
}

export interface Compilation {
  readonly compiler: Compiler;
  readonly flags: readonly string[];
  /** Folder of headers that are not ours, for -I. */
  readonly include?: string;
  /** Relative to the root, or absolute. */
  readonly sources: readonly string[];
  readonly headers: readonly string[];
  readonly output: string;
  /** Asked before a real compilation; its text is the reason why there is none. */
  readonly obstacle?: () => string | undefined;
}

/** Returns the line to print when there is no fresh output; undefined when there is one. A failed compilation sets the exit code. */
export function compile(what: Compilation): string | undefined {
  const { compiler, flags, include, sources, output } = what;
  const stamp = `${output.replace(/\.node$/, '')}.stamp`;
  const wanted = hashInputs(what);
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined;
  const obstacle = what.obstacle?.();
  if (obstacle !== undefined) return obstacle;
  mkdirSync(dirname(output), { recursive: true });
  const fresh = join(dirname(output), `.${process.pid}-${basename(output)}`);
  const words = [...flags, ...(include === undefined ? [] : [`-I${include}`]), '-o', fresh, ...sources];
  const { status } = spawnSync(compiler.command, words, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) {
    rmSync(fresh, { force: true });
    process.exitCode = 1;
    return `${compiler.command} ended with ${status === null ? 'a signal' : `exit ${status}`}`;
  }
  renameSync(fresh, output);
  writeFileSync(stamp, wanted);
  return undefined;
}

function hashInputs({ compiler, flags, sources, headers }: Compilation): string {
  const digest = createHash('sha256').update([compiler.version, ...flags].join('\0'));
  for (const file of [...sources, ...headers]) {
    digest.update(`\0${basename(file)}\0`).update(readFileSync(join(file.startsWith('/') ? '' : root, file)));
  }
  return digest.digest('hex');
}

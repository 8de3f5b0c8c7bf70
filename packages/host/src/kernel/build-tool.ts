// What a machine must have to build a kernel: programs, and one header. All that is missing is said at once, with the packages.
import { spawnSync } from 'node:child_process';
import { CaissonError } from '@caisson/core/errors';
import type { KernelErrorCode } from './error-code.ts';

// Given: Documentation/process/changes.rst of the kernel; names of Debian's packages.
const programs: Readonly<Record<string, string>> = {
  gcc: 'gcc',
  ld: 'binutils',
  make: 'make',
  flex: 'flex',
  bison: 'bison',
  bc: 'bc',
  tar: 'tar',
  xz: 'xz-utils',
};
// objtool, which the x86 kernel checks its own code with.
const header = { line: '#include <gelf.h>\n', package: 'libelf-dev' };

export interface BuildTools {
  /** First line of `gcc --version`. */
  readonly compiler: string;
  readonly linker: string;
}

/** `runs` says what a program prints, or undefined when it cannot be run. Throws CaissonError KERNEL_TOOL. */
export function findBuildTools(
  runs: (words: readonly string[], input?: string) => string | undefined = run,
): BuildTools {
  const missing = new Map<string, string>();
  const versions = new Map<string, string>();
  for (const [program, name] of Object.entries(programs)) {
    const text = runs([program, '--version']);
    if (text === undefined) missing.set(program, name);
    else versions.set(program, text.split('\n', 1)[0] ?? '');
  }
  if (!missing.has('gcc') && runs(['gcc', '-E', '-x', 'c', '-'], header.line) === undefined) {
    missing.set('gelf.h', header.package);
  }
  if (missing.size === 0) return { compiler: versions.get('gcc') ?? '', linker: versions.get('ld') ?? '' };
  throw new CaissonError<KernelErrorCode>(
    'KERNEL_TOOL',
    `a kernel is built with programs that are missing here: ${[...missing.keys()].join(', ')}`,
    { hint: `sudo apt-get install ${[...new Set(missing.values())].sort().join(' ')}` },
  );
}

function run([command = '', ...words]: readonly string[], input = ''): string | undefined {
  const { status, stdout } = spawnSync(command, words, { input, encoding: 'utf8', timeout: 10_000 });
  return status === 0 ? stdout : undefined;
}

// The program as a process of its own: bundled, where scripts/test.ts has found the bundle no older than any of its sources, and else from the sources, which
// takes eight times as long. A test file that somebody runs by hand, or after an edit, never speaks of an old build.
import { join } from 'node:path';

const source = join(import.meta.dirname, '../../../cli/src/main/bundle.ts');
const flag = '--conditions=caisson-source';

function start(): readonly [options: readonly string[], script: string] {
  const bundled = process.env['CAISSON_FRESH_PROGRAM'];
  return bundled === undefined ? [[flag], source] : [[], bundled];
}

/** What to say to start it under one of its names: Node, its options, the script; its own words come after. */
export function programWords(name = 'caisson'): readonly [node: string, ...string[]] {
  const [options, script] = start();
  return [process.execPath, ...options, script, ...(name === 'caisson' ? [] : ['--called-as', name])];
}

/** This process passes for the program, which starts itself once more for a shim, until the returned function is called. */
export function passForProgram(): () => void {
  const own = [process.argv[1] ?? '', process.execArgv] as const;
  const [options, script] = start();
  [process.argv[1], process.execArgv] = [script, [...options]];
  return () => {
    [process.argv[1], process.execArgv] = own;
  };
}

// The words that start this program once more, in another process: as `caisson`, whatever old name this one was called by.
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Interpreter, its options, script; the command follows. */
export function selfWords(script = process.argv[1] ?? ''): string[] {
  const start = [process.execPath, ...process.execArgv];
  // The launcher for an older Node takes the name it was called by as its first word.
  if (basename(script) === 'launch.js') return [...start, script, 'caisson'];
  // npm links a name to its launcher; that of caisson lies beside it.
  const real = existsSync(script) ? realpathSync(script) : script;
  const beside = join(dirname(real), 'caisson.js');
  return [...start, basename(dirname(real)) === 'bin' && existsSync(beside) ? beside : script];
}

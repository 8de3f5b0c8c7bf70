// The words that start this program once more, in another process.
import { basename } from 'node:path';

/** Without a command; the interpreter, its options, the script. */
export function selfWords(): string[] {
  const script = process.argv[1] ?? '';
  // The launcher for an older Node takes the name it was called by as its first word.
  return [process.execPath, ...process.execArgv, script, ...(basename(script) === 'launch.js' ? ['caisson'] : [])];
}

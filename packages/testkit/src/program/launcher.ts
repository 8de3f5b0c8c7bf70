// A script that starts the program from its source, for whoever starts it as a process of its own: a shim is the program once more.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileCache } from './compile-cache.ts';

const flag = '--conditions=caisson-source';

/** `main` is the file that has the program's `main`. What to say to start it: Node, its flag, the script. */
export function writeLauncher(folder: string, main: string): readonly [node: string, flag: string, script: string] {
  const script = join(folder, 'launcher.mjs');
  // The environment of whoever starts it may be the test's own: a start from source costs three times as much without the cache.
  const kept = Object.values(compileCache).map((folder) => `enableCompileCache(${JSON.stringify(folder)});\n`);
  writeFileSync(
    script,
    `import { enableCompileCache } from 'node:module';\n${kept.join('')}const { main } = await import(${JSON.stringify(main)});\nawait main('caisson');\n`,
  );
  return [process.execPath, flag, script];
}

/** This process passes for the launcher, until the returned function is called. */
export function passForLauncher(folder: string, main: string): () => void {
  const own = [process.argv[1] ?? '', process.execArgv] as const;
  const [, , script] = writeLauncher(folder, main);
  process.argv[1] = script;
  process.execArgv = [flag];
  return () => {
    [process.argv[1], process.execArgv] = own;
  };
}

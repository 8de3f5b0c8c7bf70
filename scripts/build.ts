// Builds everything that runs from a fresh checkout: the addon, PID 1, the packages' JavaScript, the bundles. Steps that do not need each other run side
// by side. Each is skipped when nothing it reads has changed; a missing C compiler costs the two C parts only, with one line.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const started = performance.now();

// The second group reads what the first has made: bundles take the addon beside them.
for (const group of [
  ['scripts/addon.ts', 'scripts/pid1.ts', 'node_modules/typescript/bin/tsc -b'],
  ['scripts/bundle.ts', 'scripts/browser-bundle.ts', 'scripts/example-bundle.ts'],
]) {
  const failed = (await Promise.all(group.map(run))).filter((step) => step !== undefined);
  if (failed.length === 0) continue;
  console.error(`build: ${failed.join(', ')} failed`);
  process.exit(1);
}
console.error(`build: done in ${((performance.now() - started) / 1000).toFixed(1)} s`);

/** Resolves with the step where it failed. */
async function run(step: string): Promise<string | undefined> {
  const [script = '', ...words] = step.split(' ');
  if (!existsSync(join(root, script))) return undefined;
  const child = spawn(process.execPath, [script, ...words], { cwd: root, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  return code === 0 ? undefined : step;
}

// Builds everything that runs from a fresh checkout: the addon, PID 1, the packages' JavaScript, the bundles.
// Each step is skipped when nothing it reads has changed; a missing C compiler costs the two C parts only, with one line.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const started = performance.now();

for (const step of ['addon.ts', 'pid1.ts', 'bundle.ts', 'browser-bundle.ts', 'example-bundle.ts']) {
  if (step === 'bundle.ts') run(['node_modules/typescript/bin/tsc', '-b']);
  if (existsSync(join(root, 'scripts', step))) run([`scripts/${step}`]);
}
console.error(`build: done in ${((performance.now() - started) / 1000).toFixed(1)} s`);

function run(words: string[]): void {
  const { status } = spawnSync(process.execPath, words, { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`build: ${words.join(' ')} failed`);
    process.exit(status ?? 1);
  }
}

// Runs a lane of tests: `test.ts` (fast: types, lint, unit and house tests), `test.ts deep`, `test.ts vm`.
// Further words are paths: only test files below them run, without the type and lint checks.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const lanes = ['fast', 'deep', 'vm'] as const;
const words = process.argv.slice(2);
const lane = lanes.find((name) => name === words[0]) ?? 'fast';
const paths = words.filter((word) => word !== lane);

if (lane === 'fast' && paths.length === 0) {
  run('types', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.test.json']);
  run('lint', ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.']);
}
const patterns =
  lane === 'vm'
    ? ['test/vm/**/*.test.ts']
    : lane === 'deep'
      ? ['packages/*/src/**/*.test.ts', 'test/{house,scenario,deep}/**/*.test.ts']
      : ['packages/*/src/**/*.test.ts', 'test/{house,scenario}/**/*.test.ts'];
const files = globSync(patterns, { cwd: root })
  .filter((file) => paths.length === 0 || paths.some((path) => file.startsWith(path)))
  .sort();
if (files.length === 0) {
  console.error(`test: no test file for lane ${lane} ${paths.join(' ')}`);
  process.exit(1);
}
run(
  `${files.length} test files`,
  // Three for two processors: tests wait for clocks and processes a quarter of their time.
  [
    '--test',
    '--conditions=caisson-source',
    `--test-concurrency=${lane === 'fast' ? 3 : 2}`,
    '--test-reporter=spec',
    ...files,
  ],
  // Hundreds of processes read the same modules: each is stripped of its types and compiled once. Entries go by the text of their module.
  { CAISSON_LANE: lane, NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile') },
);

function run(what: string, args: string[], env: Record<string, string> = {}): void {
  console.error(`test: ${what}`);
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (status !== 0) {
    console.error(`test: ${what} failed`);
    process.exit(status ?? 1);
  }
}

// Runs a lane of tests: `test.ts` (fast: types, lint, unit and house tests), `test.ts deep`, `test.ts vm`.
// Further words are paths: only test files below them run, without the type and lint checks.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { joinCompanions } from './companions.ts';
import { programPath, whyNotFresh } from './program.ts';

const root = join(import.meta.dirname, '..');
const lanes = ['fast', 'deep', 'vm'] as const;
const words = process.argv.slice(2);
const lane = lanes.find((name) => name === words[0]) ?? 'fast';
const paths = words.filter((word) => word !== lane);
// Those that take longest, first: the last of many files runs beside others, and not alone on half a machine. What holds times to bounds stands among
// the many small ones, bridges by their name.
const sequence = [
  ...['test/scenario/up.', 'test/scenario/shim.', 'test/scenario/start.', 'test/scenario/hardware-spot.'],
  ...['cli/src/nitro-verb.', 'test/scenario/backend-sim.', 'backend-nitro/nitro-backend.', 'cli/src/up-nitro.'],
  ...['/companions/', 'test/scenario/supervisor.'],
  ...[
    'test/vm/contract-wall.',
    'test/vm/backend.',
    'test/vm/build.',
    'test/vm/nsm.',
    'test/vm/inside.',
    'test/vm/channel.',
  ],
  ...['test/vm/signed.', 'test/vm/pipeline.', 'test/vm/hardware.', 'test/vm/up.'],
];
const checks = [
  { what: 'types', words: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.test.json'] },
  { what: 'lint', words: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'] },
];

process.chdir(root);
const isWhole = lane === 'fast' && paths.length === 0;
if (isWhole) {
  const failed = (await Promise.all(checks.map(check))).filter((what) => what !== undefined);
  if (failed.length > 0) fail(`${failed.join(' and ')} failed`);
}
const patterns =
  lane === 'vm'
    ? ['test/vm/**/*.test.ts']
    : lane === 'deep'
      ? ['packages/*/src/**/*.test.ts', 'test/{house,scenario,deep}/**/*.test.ts']
      : ['packages/*/src/**/*.test.ts', 'test/{house,scenario}/**/*.test.ts'];
const found = globSync(patterns)
  .filter((file) => paths.length === 0 || paths.some((path) => file.startsWith(path)))
  .sort();
const units = isWhole ? joinCompanions(found, 'node_modules/.cache/companions') : found;
const files = units.toSorted((one, other) => rankOf(one) - rankOf(other));
if (files.length === 0) {
  console.error(`test: no test file for lane ${lane} ${paths.join(' ')}`);
  process.exit(1);
}
// Results come in the order of the files: for the first half minute there are none.
console.error(`test: ${found.length} test files`);
process.env['CAISSON_LANE'] = lane;
// What tests start as a process of its own is what was built, where that is what the sources say: of hundreds of starts each costs an eighth then.
const whyFromSource = whyNotFresh();
if (whyFromSource === undefined) process.env['CAISSON_FRESH_PROGRAM'] = programPath;
else console.error(`test: the bundled program ${whyFromSource}: tests start the program from its sources`);
// Hundreds of processes read the same modules: each is stripped of its types and compiled once. Entries go by the text of their module.
process.env['NODE_COMPILE_CACHE'] = join(root, 'node_modules/.cache/compile');
// A test that fails and leaves a server open would hold the lane for ever; a lane this late names the files that have not ended.
const longestMs = (lane === 'deep' ? 240 : 20) * 60_000;
const failed = new Set<string>();
const events = run({
  files,
  signal: AbortSignal.timeout(longestMs),
  execArgv: ['--conditions=caisson-source'],
  // Four for two processors: tests wait for clocks and processes half of their time.
  concurrency: lane === 'fast' ? 4 : 2,
}).on('test:fail', ({ todo, name, nesting, file }) => {
  if (todo === undefined && nesting === 0)
    failed.add(`${file === undefined ? '' : `${relative(root, file)}: `}${name}`);
});
for await (const text of events.compose(spec)) process.stdout.write(text);
if (failed.size > 0) fail(`failed, in ${found.length} test files:\n  ${[...failed].join('\n  ')}`);

function rankOf(file: string): number {
  const rank = sequence.findIndex((part) => file.includes(part));
  return rank < 0 ? sequence.length : rank;
}

/** Resolves with its name where it fails; what it says comes in one piece. */
async function check({ what, words }: (typeof checks)[number]): Promise<string | undefined> {
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
  }
  const [code] = await once(child, 'close');
  console.error(`test: ${what}`);
  process.stderr.write(text);
  return code === 0 ? undefined : what;
}

function fail(what: string): never {
  console.error(`test: ${what}`);
  process.exit(1);
}

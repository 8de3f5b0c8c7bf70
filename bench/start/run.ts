// What it costs to start the program: short commands beside `node -e 0`, which is the floor of every program on Node, and beside the same command from the
// sources. In turns; the processor time of each process (its own account at its exit) and its wall, the median and the best of each.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeSpec, writeState } from '@caisson/host/record';
import { fakeSpec, fakeState } from '@caisson/testkit/fake';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } });
// Chosen: with the tree of commands parsed and one room of the host. Processor time, because walls bend with what else the machine does.
const goal = { command: 'caisson ps', floors: 5 };

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-start-'));
const [none, one] = [join(folder, 'none'), join(folder, 'one')];
const account = join(folder, 'account.cjs');
const launcher = join(root, 'packages/cli/bin/caisson.js');
const source = ['--conditions=caisson-source', join(root, 'packages/cli/src/main/bundle.ts')];

interface Way {
  readonly name: string;
  readonly words: readonly string[];
  readonly state: string;
  readonly cpuMs: number[];
  readonly wallMs: number[];
}

const way = (name: string, words: readonly string[], state = none): Way => ({
  ...{ name, words, state },
  ...{ cpuMs: [], wallMs: [] },
});

try {
  mkdirSync(none);
  await writeSpec(one, fakeSpec('web', {}));
  await writeState(one, fakeState('web', { phase: 'exited' }));
  writeFileSync(
    account,
    `process.on('exit', () => { const { user, system } = process.cpuUsage(); require('node:fs').writeSync(2, 'cpu ' + (user + system) + '\\n'); });\n`,
  );
  const ways = [
    way('node -e 0', ['-e', '0']),
    way('caisson --version', [launcher, '--version']),
    way('caisson ps', [launcher, 'ps']),
    way('caisson ps -a, one record', [launcher, 'ps', '-a'], one),
    way('caisson logs, no such name', [launcher, 'logs', 'none']),
    way('caisson ps, from the sources', [...source, 'ps']),
  ];
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    for (const { words, state, cpuMs, wallMs } of round % 2 === 0 ? ways : ways.toReversed()) {
      const env = { ...process.env, CAISSON_STATE: state };
      const fromMs = performance.now();
      const { stderr } = spawnSync(process.execPath, ['--require', account, ...words], { env, encoding: 'utf8' });
      const tookMs = performance.now() - fromMs;
      const cpu = Number(/^cpu (\d+)$/m.exec(stderr)?.[1]) / 1_000;
      if (Number.isNaN(cpu)) throw new Error(`${words.join(' ')} gave no account: ${stderr}`);
      // The first round warms caches.
      if (round === 0) continue;
      cpuMs.push(cpu);
      wallMs.push(tookMs);
    }
  }
  const floor = ways[0]!.cpuMs;
  const shares = ways.map(({ cpuMs }) => median(cpuMs.map((ms, round) => ms / floor[round]!)));
  const cell = (numbers: readonly number[]): string =>
    `${median(numbers).toFixed(0).padStart(5)} ms (best ${Math.min(...numbers)
      .toFixed(0)
      .padStart(4)})`;
  const lines = ways.map(
    ({ name, cpuMs, wallMs }, index) =>
      `${name.padEnd(30)}cpu ${cell(cpuMs)}   wall ${cell(wallMs)}   ${shares[index]!.toFixed(1)} floors`,
  );
  const share = shares[ways.findIndex(({ name }) => name === goal.command)]!;
  const isMet = share <= goal.floors;
  const [load = 0] = loadavg();
  process.stdout.write(
    `${[...lines, `goal: ${goal.command} at most ${goal.floors} floors of processor time: ${isMet ? 'met' : 'MISSED'} (load ${load.toFixed(1)}, ${values.rounds} rounds)`].join('\n')}\n`,
  );
  process.exitCode = isMet ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)]!;
}

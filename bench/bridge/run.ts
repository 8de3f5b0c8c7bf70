// npm run bench:bridge. Every bridge in turn, round after round, workload by workload, so that the machine's moods hit all alike.
// Ratios are taken within a round, then the median over the rounds with a bootstrap interval.
//   --rounds N (7)  --window MS (300)  --only peer,peer  --group NAME  --out FILE (bench/results/bridge-DATE.md)
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sweepMeters } from './meter.ts';
import { startPeers } from './peer.ts';
import { type Cell, renderResult } from './render.ts';
import { measure, workloads } from './workload.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    window: { type: 'string', default: '300' },
    only: { type: 'string' },
    group: { type: 'string' },
    out: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const timing = { warmMs: 100, windowMs: Number(values.window) };
const chosen = workloads.filter(({ group }) => values.group === undefined || group === values.group);

sweepMeters();
const work = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
const load = join(work, 'load');
const unixPath = join(work, 'far.sock');
const sources = ['load.c', 'client.c', 'far_side.c'].map((name) => join(import.meta.dirname, 'load', name));
const compiled = spawnSync('cc', ['-O2', '-Wall', '-Wextra', '-pthread', '-o', load, ...sources], { stdio: 'inherit' });
if (compiled.status !== 0) process.exit(1);

const { peers, absent } = await startPeers(unixPath, work, values.only?.split(','));
if (absent.length > 0) console.error(`bench: absent, left out: ${absent.join(', ')} (bench/setup installs them)`);
const cells: Cell[] = [];
try {
  for (let round = 0; round < rounds; round += 1) {
    for (const workload of chosen) {
      // Another bridge goes first in each round.
      for (let turn = 0; turn < peers.length; turn += 1) {
        const peer = peers[(turn + round) % peers.length]!;
        const before = peer.meter.cpuNs();
        const sample = await measure(load, workload, peer.port, unixPath, timing);
        cells.push({ round, peer: peer.name, workload, sample, cpuNs: peer.meter.cpuNs() - before });
      }
    }
    console.error(`bench: round ${round + 1} of ${rounds}`);
  }
} finally {
  await Promise.all(peers.map((peer) => peer.stop()));
  rmSync(work, { recursive: true, force: true });
}
const text = renderResult({ cells, peers: peers.map(({ name }) => name), absent, rounds, timing });
console.log(text);
const out = values.out ?? join(import.meta.dirname, `../results/bridge-${new Date().toISOString().slice(0, 10)}.md`);
if (chosen.length === workloads.length || values.out !== undefined) writeFileSync(out, text);

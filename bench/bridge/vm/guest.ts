// Runs in the enclave: on each way ours and socat in turn, round after round; reports every cell to the parent.
import { mkdirSync } from 'node:fs';
import { report } from '../../../test/vm/guest/report.ts';
import { outputOf } from '../child.ts';
import { type Peer, startPeer } from '../peer.ts';
import { caissonRecipe, socatRecipe } from '../recipe.ts';
import type { Cell } from '../result.ts';
import { type Load, loadCommand, measure, type Timing } from '../workload.ts';
import { type GuestRoute, guestRoutes } from './route.ts';

const rounds = Number(process.env['BENCH_ROUNDS']);
const timing: Timing = { warmMs: 150, windowMs: Number(process.env['BENCH_WINDOW_MS']) };
const work = '/tmp/bench';
const program = '/bin/load';

await report(async () => {
  mkdirSync(work, { recursive: true });
  const found: { name: string; cells: Cell[] }[] = [];
  for (const route of guestRoutes) found.push({ name: route.name, cells: await measureRoute(route) });
  return found;
});

async function measureRoute(route: GuestRoute): Promise<Cell[]> {
  const load = { program, far: route.far };
  const peers: Peer[] = [];
  const cells: Cell[] = [];
  try {
    for (const recipe of [caissonRecipe(1024, '/app/caisson/caisson.mjs'), socatRecipe('/bin/socat')]) {
      const isReady = (near: string): Promise<boolean> => answers(load, near);
      const peer = await startPeer(recipe, route.of(recipe.name as 'caisson' | 'socat'), work, isReady);
      if (peer !== undefined) peers.push(peer);
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const workload of route.workloads) {
        for (let turn = 0; turn < peers.length; turn += 1) {
          const peer = peers[(turn + round) % peers.length]!;
          const before = peer.meter.cpuNs();
          const sample = await measure(load, workload, peer.near, timing);
          cells.push({ round, peer: peer.name, workload, sample, cpuNs: peer.meter.cpuNs() - before });
        }
      }
      console.log(`bench: ${route.name}, round ${round + 1} of ${rounds}`);
    }
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
  return cells;
}

// One round trip through it, with the far side up.
async function answers(load: Load, near: string): Promise<boolean> {
  try {
    const plan = { connections: 1, size: 1, windowMs: 50 };
    return (JSON.parse(await outputOf(loadCommand(load, near, 'echo', plan))) as { rate: number }).rate > 0;
  } catch {
    return false;
  }
}

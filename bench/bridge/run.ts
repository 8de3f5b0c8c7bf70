// npm run bench:bridge. Every bridge in turn, round after round, workload by workload, so that the machine's moods hit all alike.
//   --rounds N (7)  --window MS (300)  --only peer,peer  --group NAME  --calls (system calls, by strace)  --plain (windows only)
//   --out FILE (a whole run writes bench/results/bridge-DATE.md by itself)
// Whatever ends it (its end, a failure, SIGINT, SIGTERM) ends its children and removes its files; what SIGKILL leaves, the next
// run sweeps.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildLoad } from './build-load.ts';
import { stopAll } from './child.ts';
import { createFolder, sweepFolders } from './folder.ts';
import { measureIdleBytes } from './memory.ts';
import { sweepMeters } from './meter.ts';
import { measureOverload } from './overload.ts';
import { type Peer, startPeers } from './peer.ts';
import { recipes } from './recipe.ts';
import { renderResult } from './render.ts';
import { type Cell, ours, type Result } from './result.ts';
import { countCalls } from './syscall.ts';
import { type Load, measure, workloads } from './workload.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    window: { type: 'string', default: '300' },
    only: { type: 'string' },
    group: { type: 'string' },
    calls: { type: 'boolean', default: false },
    plain: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const timing = { warmMs: 100, windowMs: Number(values.window) };
const overloadMs = process.env['CAISSON_LANE'] === 'deep' ? 30_000 : 3_000;
const chosen = workloads.filter(({ group }) => values.group === undefined || group === values.group);
const only = values.only?.split(',');
const repeated: string[] = [];
const traced = ['echo 64 c1', 'echo 64 c16', 'churn c16'];

let signalled: NodeJS.Signals | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    signalled = signal;
    stopAll();
  });
}

await sweepMeters();
sweepFolders();
const work = createFolder();
let peers: Peer[] = [];
try {
  const load: Load = { program: join(work, 'load'), far: `unix:${join(work, 'far.sock')}` };
  await buildLoad(load.program);
  const started = await startPeers(
    recipes.filter(({ name }) => name === ours || (only?.includes(name) ?? true)),
    load.far,
    work,
  );
  peers = started.peers;
  if (started.absent.length > 0) say(`absent, left out: ${started.absent.join(', ')} (bench/setup installs them)`);
  const text = renderResult(await measureAll(load, started.absent));
  console.log(text);
  const out = values.out ?? join(import.meta.dirname, `../results/bridge-${new Date().toISOString().slice(0, 10)}.md`);
  const whole = chosen.length === workloads.length && only === undefined && !values.plain;
  if (whole || values.out !== undefined) writeFileSync(out, text);
} catch (error) {
  if (signalled === undefined) throw error;
  say(`stopped by ${signalled}`);
  process.exitCode = signalled === 'SIGINT' ? 130 : 143;
} finally {
  await Promise.all(peers.map((peer) => peer.stop()));
  stopAll();
  rmSync(work, { recursive: true, force: true });
}

async function measureAll(load: Load, absent: readonly string[]): Promise<Result> {
  const found = { peers: peers.map(({ name }) => name), absent, rounds, timing };
  // Memory first: afterwards every heap has grown to what the crowds of the windows needed.
  const idleBytes = new Map<string, number>();
  if (!values.plain) for (const peer of peers) idleBytes.set(peer.name, await measureIdleBytes(load, peer));
  const cells: Cell[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const workload of chosen) {
      // Another bridge goes first in each round.
      for (let turn = 0; turn < peers.length; turn += 1) {
        cells.push(await measureCell(load, round, workload, peers[(turn + round) % peers.length]!));
      }
    }
    say(`round ${round + 1} of ${rounds}`);
  }
  return {
    ...found,
    cells,
    repeated,
    ...(values.plain ? {} : { idleBytes, overload: await measureOverload(load, work, overloadMs) }),
    ...(values.calls ? { calls: await countAllCalls(load) } : {}),
  };
}

// On a machine that others keep busy a whole window can pass without one unit: it says nothing and is measured again.
async function measureCell(load: Load, round: number, workload: Cell['workload'], peer: Peer): Promise<Cell> {
  let seen = '';
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const before = peer.meter.cpuNs();
    const sample = await measure(load, workload, peer.near, timing);
    const cpuNs = peer.meter.cpuNs() - before;
    if (cpuNs > 0 && sample.rate > 0) return { round, peer: peer.name, workload, sample, cpuNs };
    seen = `${sample.rate} units a second, ${sample.errors} errors, ${cpuNs} ns of CPU`;
    repeated.push(`${peer.name} ${workload.name}`);
  }
  throw new Error(`${peer.name} did nothing in ${workload.name}: ${seen}`);
}

async function countAllCalls(load: Load): Promise<NonNullable<Result['calls']>> {
  const calls: NonNullable<Result['calls']> = new Map(traced.map((name) => [name, new Map()]));
  for (const workload of workloads.filter(({ name }) => traced.includes(name))) {
    const byPeer = new Map();
    for (const peer of peers) byPeer.set(peer.name, await countCalls(load, workload, peer, work));
    (calls as Map<string, typeof byPeer>).set(workload.name, byPeer);
  }
  return calls;
}

function say(text: string): void {
  console.error(`bench: ${text}`);
}

// npm run bench:bridge:vm. Ours against socat over real AF_VSOCK, in an enclave on the rig's emulated machine: only ratios mean
// anything there. The guest measures (guest.ts); the parent gives it a far side and writes bench/results/bridge-vm-DATE.md.
//   --rounds N (7)  --window MS (300)  --out FILE
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hearReport } from '../../../test/vm/hear.ts';
import { buildImage, whyNoBundle } from '../../../test/vm/image.ts';
import { bootEnclave, type Enclave, skip } from '../../../test/vm/rig.ts';
import { buildLoad } from '../build-load.ts';
import { has, stopAll, whileRunning } from '../child.ts';
import { createFolder, sweepFolders } from '../folder.ts';
import { renderComparison, renderHead } from '../render.ts';
import { type Cell, groupRatio, groupsOf, othersOf, rate } from '../result.ts';
import { loadCommand } from '../workload.ts';
import { parentPort } from './route.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    window: { type: 'string', default: '300' },
    out: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const timing = { warmMs: 150, windowMs: Number(values.window) };
// Chosen: an emulated window takes up to four times its length.
const patienceMs = 60_000 + rounds * 180_000;

const missing = skip || whyNoBundle('caisson') || ['socat', 'wrk'].find((name) => !has(name));
if (missing) {
  console.error(`bench: cannot run: ${missing}`);
  process.exit(1);
}

let enclave: Enclave | undefined;
let signalled: NodeJS.Signals | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    signalled = signal;
    stopAll();
    void enclave?.close();
  });
}

sweepFolders();
const work = createFolder();
try {
  const program = join(work, 'load');
  await buildLoad(program, true);
  const text = render(await measureInEnclave(program));
  console.log(text);
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(values.out ?? join(import.meta.dirname, `../../results/bridge-vm-${date}.md`), text);
} catch (error) {
  if (signalled === undefined) throw error;
  console.error(`bench: stopped by ${signalled}`);
  process.exitCode = signalled === 'SIGINT' ? 130 : 143;
} finally {
  stopAll();
  rmSync(work, { recursive: true, force: true });
}

async function measureInEnclave(program: string): Promise<{ name: string; cells: Cell[] }[]> {
  const image = await buildImage({
    guest: 'bench/bridge/vm/guest.ts',
    bundles: ['caisson'],
    programs: {
      '/bin/load': program,
      '/bin/socat': '/usr/bin/socat',
      '/bin/wrk': '/usr/bin/wrk',
      '/bin/sh': '/bin/sh',
    },
    env: { BENCH_ROUNDS: String(rounds), BENCH_WINDOW_MS: String(timing.windowMs) },
  });
  try {
    const booted = await bootEnclave({ image: image.file, cid: 30 });
    enclave = booted;
    const far = { program, far: `unix:${booted.path}_${parentPort}` };
    return await whileRunning(loadCommand(far, 'direct', 'serve', {}), () => hearReport(booted, patienceMs));
  } finally {
    await enclave?.close();
    image.remove();
  }
}

function render(routes: readonly { name: string; cells: Cell[] }[]): string {
  const results = routes.map(({ name, cells }) => {
    // Cells come as JSON: workloads of one name are one object again.
    const byName = new Map(cells.map(({ workload }) => [workload.name, workload]));
    const same = cells.map((cell) => ({ ...cell, workload: byName.get(cell.workload.name)! }));
    return { name, result: { cells: same, peers: ['caisson', 'socat'], absent: [], rounds, timing } };
  });
  const below = results.flatMap(({ name, result }) =>
    groupsOf(result).flatMap((group) =>
      othersOf(result)
        .filter((peer) => groupRatio(result, group, peer, rate).high < 1)
        .map((peer) => `${name}: ${group} against ${peer}`),
    ),
  );
  const head = renderHead('Bridge bench over real AF_VSOCK, in an emulated enclave', results[0]!.result);
  const verdict = below.length === 0 ? 'met in every group on every way' : `not met: ${below.join('; ')}`;
  const parts = results.map(({ name, result }) => `## ${name}\n\n${renderComparison(result)}`);
  return `${head}\nGoal, throughput at least that of socat: ${verdict}.\n\n${parts.join('\n\n')}\n`;
}

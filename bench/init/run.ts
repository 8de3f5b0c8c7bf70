// How long until 1, 20 and 200 trivial services run: PID 1 and the supervisor, beside s6 (a supervisor in C without readiness, order or
// logs of its own; Debian's package). A service is the same shell script on both sides: it writes one byte into a FIFO that the bench
// reads, and sleeps. From the start of the namespace to the last byte; in turns, medians. Memory once all run. Needs root and a build.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parseArgs } from 'node:util';
import { openEnclave, service, supervisorSkip } from '../../test/scenario/supervisor/scene.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const rounds = Number(values.rounds);
// Given: the goals of the specification.
const goal = { fixedMs: 300, perService: 1.5, supervisorMiB: 96, pid1MiB: 1 };
const counts = [1, 20, 200] as const;

interface Run {
  readonly ms: number;
  readonly readyMs?: number;
  readonly supervisorMiB?: number;
  readonly pid1MiB?: number;
}

if (supervisorSkip) {
  process.stderr.write(`bench:init: ${supervisorSkip}\n`);
  process.exit(1);
}
const hasPeer = spawnSync('s6-svscan', ['-h']).error === undefined;
const ours = new Map<number, Run[]>();
const peer = new Map<number, Run[]>();
for (let round = 0; round <= rounds; round += 1) {
  for (const count of counts) {
    const turns = [
      async () => keep(ours, count, await runOurs(count)),
      async () => hasPeer && keep(peer, count, await runPeer(count)),
    ];
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
  }
}
report();

function keep(runs: Map<number, Run[]>, count: number, run: Run): void {
  const all = runs.get(count) ?? [];
  runs.set(count, all);
  all.push(run);
}

async function runOurs(count: number): Promise<Run> {
  const cleanups: (() => unknown)[] = [];
  const context = { after: (clean: () => unknown) => void cleanups.push(clean) } as unknown as TestContext;
  try {
    const fifo = openCount(count);
    cleanups.push(fifo.close);
    const services = Array.from({ length: count }, (_, at) =>
      service(`s${at}`, 'echo >/count/fifo; exec sleep 1000000'),
    );
    const enclave = await openEnclave(context, services, { binds: { '/count': fifo.folder } });
    const startedMs = enclave.startedMs;
    const [ms] = await Promise.all([fifo.full.then(() => performance.now() - startedMs), enclave.ready()]);
    const readyMs = performance.now() - startedMs;
    const supervisorMiB = memoryOf(enclave.supervisorPid() ?? 0);
    return { ms, readyMs, supervisorMiB, pid1MiB: memoryOf(enclave.run.pid()) };
  } finally {
    for (const clean of cleanups.reverse()) await clean();
  }
}

async function runPeer(count: number): Promise<Run> {
  const fifo = openCount(count);
  const scan = join(fifo.folder, 'scan');
  for (let at = 0; at < count; at += 1) {
    mkdirSync(join(scan, `s${at}`), { recursive: true });
    const run = join(scan, `s${at}`, 'run');
    writeFileSync(run, `#!/bin/sh\necho >${fifo.folder}/fifo; exec sleep 1000000\n`);
    chmodSync(run, 0o755);
  }
  const startedMs = performance.now();
  const words = ['--pid', '--fork', '--mount-proc', '--kill-child=SIGKILL', 's6-svscan', '-c', '500', scan];
  const child = spawn('unshare', words, { stdio: 'ignore' });
  await fifo.full;
  const ms = performance.now() - startedMs;
  child.kill('SIGKILL');
  await once(child, 'exit');
  fifo.close();
  return { ms };
}

/** A FIFO that says when `count` bytes have come. */
function openCount(count: number) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-init-'));
  spawnSync('mkfifo', [join(folder, 'fifo')]);
  const hold = openSync(join(folder, 'fifo'), constants.O_RDWR | constants.O_NONBLOCK);
  const fd = openSync(join(folder, 'fifo'), constants.O_RDONLY | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: true, writable: false });
  const { promise: full, resolve } = Promise.withResolvers<void>();
  let seen = 0;
  socket.on('data', (chunk: Buffer) => {
    seen += chunk.length;
    if (seen >= count) resolve();
  });
  const close = (): void => {
    socket.destroy();
    closeSync(hold);
    rmSync(folder, { recursive: true, force: true });
  };
  return { folder, full, close };
}

function memoryOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024;
}

function median(runs: readonly Run[] | undefined, of: (run: Run) => number | undefined): number {
  // The first round warms the cache.
  const sorted = (runs ?? [])
    .slice(1)
    .map((run) => of(run) ?? 0)
    .sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function report(): void {
  const write = (text: string): void => void process.stdout.write(`${text}\n`);
  const time = (runs: Map<number, Run[]>, count: number): number => median(runs.get(count), ({ ms }) => ms);
  for (const count of counts) {
    const readyMs = median(ours.get(count), (run) => run.readyMs);
    const beside = hasPeer ? `, s6 ${time(peer, count).toFixed(0)} ms` : '';
    write(
      `${String(count).padStart(3)} services: ${time(ours, count).toFixed(0)} ms (ready line ${readyMs.toFixed(0)} ms)${beside}`,
    );
  }
  const per = (runs: Map<number, Run[]>): number => (time(runs, 200) - time(runs, 20)) / 180;
  const supervisorMiB = median(ours.get(200), (run) => run.supervisorMiB);
  const pid1MiB = median(ours.get(200), (run) => run.pid1MiB);
  const share = per(ours) / per(peer);
  write(
    `each service more: ${per(ours).toFixed(2)} ms${hasPeer ? `, s6 ${per(peer).toFixed(2)} ms: ${share.toFixed(2)} x (goal ${goal.perService})` : ''}`,
  );
  write(
    `memory with 200: supervisor ${supervisorMiB.toFixed(0)} MiB (goal ${goal.supervisorMiB}), PID 1 ${pid1MiB.toFixed(1)} MiB (goal ${goal.pid1MiB})`,
  );
  const fixedMs = time(ours, 1);
  write(`fixed start: ${fixedMs.toFixed(0)} ms (goal ${goal.fixedMs})`);
  if (!hasPeer) write('no peer: apt-get install s6');
  const isMet =
    fixedMs <= goal.fixedMs &&
    supervisorMiB <= goal.supervisorMiB &&
    pid1MiB < goal.pid1MiB &&
    !(share > goal.perService);
  process.exitCode = isMet ? 0 : 1;
}

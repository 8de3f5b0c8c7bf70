// From the start to ready: an enclave of one small web service in the simulator and in QEMU, and the whole of `caisson up`, beside the floor: the
// same program in namespaces of its own, by `unshare`, until it says that it listens; and beside `docker run` where a docker works. In turns, so that
// what else the machine does falls on all of them; the median of each and its best, which a busy machine bends least. The image is built and measured before, as it is at every `up` but the first.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Backend } from '@caisson/host/backend';
import { createQemuBackend } from '@caisson/host/backend-qemu';
import { createSimBackend } from '@caisson/host/backend-sim';
import { waitUntilReady } from '@caisson/host/ready';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    rig: { type: 'string', default: join(import.meta.dirname, '../../../shared/rig/out') },
  },
});
const rounds = Number(values.rounds);
// Given: the goal of the specification.
const goalMs = 400;

const root = join(import.meta.dirname, '../..');
const program = join(root, 'dist/caisson/caisson.mjs');
const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-run-'));
const at = (path: string): string => join(folder, path);
const env = { ...process.env, CAISSON_STATE: at('up-state'), XDG_CONFIG_HOME: at('config') };

const main = `require('node:http').createServer((ask, answer) => answer.end('hello'))
  .listen(8080, '127.0.0.1', () => console.log('listening'));
`;
const compose = (backend: string, kernel: string): string => `name: bench-${backend}
image: { source: ./app, kernel: ${kernel}, cmdline: console=ttyS0 quiet reboot=t panic=-1 no_timer_check }
profile: development
operators: { local: dev }
ready: { tcp: 8080, timeout: 60s }
resources: { cpus: 1, memoryMiB: 512 }
backend: ${backend}
`;

type Way = { readonly name: string; readonly run: () => Promise<number>; readonly ms: number[] };

try {
  mkdirSync(at('app'));
  writeFileSync(at('app/package.json'), '{"main":"main.js"}');
  writeFileSync(at('app/main.js'), main);
  const kernel = join(values.rig, 'bzImage');
  const hasRig = existsSync(kernel);
  if (!hasRig) writeFileSync(at('bzImage'), 'a kernel that nothing boots');
  writeFileSync(at('caisson.yaml'), compose('sim', hasRig ? kernel : at('bzImage')));
  caisson(['build', at('app'), '-o', at('app.eif'), '--config', at('caisson.yaml')]);
  const ways = [
    way('floor: unshare + node', () => listening('unshare', floorWords())),
    way('sim, start to ready', () => ready(createSimBackend({ state: at('state') }))),
    // A state folder that has never seen the image.
    way('sim, image not measured yet', () => ready(createSimBackend({ state: mkdtempSync(at('cold-')) }))),
    way('caisson up, sim, all of it', up),
    ...(hasRig
      ? [way('qemu, start to ready', () => ready(createQemuBackend({ state: at('qemu'), folder: values.rig })))]
      : []),
    ...docker(),
  ];
  for (let round = 0; round <= rounds; round += 1) {
    for (const { ms, run } of round % 2 === 0 ? ways : ways.toReversed()) {
      const took = await run();
      // The first round warms caches.
      if (round > 0) ms.push(took);
    }
  }
  const [floor, sim] = [ways[0]!.ms, ways[1]!.ms];
  const lines = ways.map(({ name, ms }) => {
    const over = name.startsWith('floor') ? '' : `floor + ${(median(ms) - median(floor)).toFixed(0)}`;
    const [middle, best] = [median(ms), Math.min(...ms)].map((one) => one.toFixed(0).padStart(6));
    return `${name.padEnd(30)}${middle} ms  ${over.padEnd(13)} best${best}  (${ms.map((one) => one.toFixed(0)).join(' ')})`;
  });
  const missing = [
    ...(hasRig ? [] : ['qemu: no rig']),
    ...(ways.at(-1)!.name.startsWith('docker') ? [] : ['docker: none works here']),
  ];
  const [overMs, leastMs] = [median(sim) - median(floor), Math.min(...sim) - Math.min(...floor)];
  const met = overMs <= goalMs;
  const load = loadavg().map((one) => one.toFixed(1));
  process.stdout.write(
    `${[
      `${cpus().length} x ${cpus()[0]?.model.trim()}, load ${load.join(' ')}, ${rounds} rounds in turns`,
      ...lines,
      ...missing,
      `goal: sim, start to ready, at most floor + ${goalMs} ms: floor + ${overMs.toFixed(0)}, ${met ? 'met' : 'MISSED'}; best of each: floor + ${leastMs.toFixed(0)}`,
    ].join('\n')}\n`,
  );
  process.exitCode = met ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function way(name: string, run: () => Promise<number>): Way {
  return { name, run, ms: [] };
}

async function ready(backend: Backend): Promise<number> {
  const fromMs = performance.now();
  const enclave = await backend.start({ name: 'bench', image: at('app.eif'), memoryMiB: 512, cpus: { count: 1 } });
  try {
    const { cid, transport } = enclave;
    await waitUntilReady({ cid, transport, deadlineMs: 60_000, line: true, intervalMs: 20 });
    return performance.now() - fromMs;
  } finally {
    await enclave.kill();
  }
}

/** The command from its first instruction to its exit: settings, the image found built, the shim, the boot, the proof. */
async function up(): Promise<number> {
  const fromMs = performance.now();
  caisson(['up', '-f', at('caisson.yaml')]);
  const tookMs = performance.now() - fromMs;
  caisson(['down', '-f', at('caisson.yaml')]);
  return tookMs;
}

function floorWords(): string[] {
  const spaces = ['--user', '--map-root-user', '--mount', '--pid', '--net', '--uts', '--ipc', '--fork', '--kill-child'];
  // An address to listen on, as an enclave has.
  return [...spaces, 'sh', '-c', `ip link set lo up 2>/dev/null; exec ${process.execPath} ${at('app/main.js')}`];
}

async function listening(command: string, words: readonly string[]): Promise<number> {
  const fromMs = performance.now();
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const [word] = (await Promise.race([once(child.stdout, 'data'), ended])) as [unknown];
  const tookMs = performance.now() - fromMs;
  if (!String(word).startsWith('listening')) throw new Error(`${command} ended before its program listened: ${word}`);
  child.kill('SIGKILL');
  await ended;
  return tookMs;
}

/** The same root file system under docker, where one works. */
function docker(): Way[] {
  if (spawnSync('docker', ['version'], { stdio: 'ignore' }).status !== 0) return [];
  caisson(['image', 'extract', at('app.eif'), at('extracted')]);
  const image = 'caisson-bench-run';
  const packed = spawnSync('sh', ['-c', `tar -C ${at('extracted')}/ramdisk-1/rootfs -c . | docker import - ${image}`]);
  if (packed.status !== 0) throw new Error(`docker import failed: ${packed.stderr}`);
  const words = ['run', '--rm', '--network', 'none', image, '/usr/bin/node', '/app/main.js'];
  return [way('docker run', () => listening('docker', words))];
}

function caisson(words: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, [program, ...words], { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`caisson ${words.join(' ')} ended with ${status}: ${stderr}`);
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)]!;
}

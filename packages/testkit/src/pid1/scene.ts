// PID 1 as process 1: in a PID, mount and network namespace of its own, with a root made for it, simulated, and a parent that
// answers its heartbeat. Needs root and what scripts/pid1.ts builds; `pid1Skip` says why not.
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

// `CAISSON_PID1=sanitize` takes what `scripts/pid1.ts --sanitize` builds: undefined behaviour then ends it with a trap.
const variant = process.env['CAISSON_PID1'] === 'sanitize' ? '-sanitize' : '';
/** Where caisson-init and its probe are. */
export const pid1Built = join(import.meta.dirname, `../../../sys/build/linux-${process.arch}${variant}`);
const namespaces = ['--pid', '--fork', '--mount', '--net', '--kill-child=SIGKILL'];

/** For the `skip` of a test: why PID 1 cannot be run here. */
export const pid1Skip = whyNot();

function whyNot(): string | false {
  if (process.platform !== 'linux') return 'PID 1 is a Linux program';
  if (!existsSync(join(pid1Built, 'caisson-init'))) {
    return 'caisson-init is not built (no C compiler or no static libc)';
  }
  const probe = spawnSync('unshare', [...namespaces, 'true']);
  return probe.status !== 0 && `unshare ${namespaces.join(' ')} is not allowed here: ${probe.stderr}`.trim();
}

export interface Pid1Layout {
  /** /cmd of a plain image. */
  readonly cmd?: string | Uint8Array;
  readonly env?: string;
  /** /supervisor: a supervised image. */
  readonly supervisor?: string;
  readonly profile?: string;
  /** Folders of this machine, by the path under the root that each is bound to. */
  readonly binds?: Readonly<Record<string, string>>;
  /** Of the whole run, then SIGKILL. Default 120,000. */
  readonly runMs?: number;
  /** What the parent does on port 9000 instead of answering the heartbeat. */
  readonly answer?: (socket: Socket) => void;
  /** What the parent does on the ready port of CID 16; without it nobody listens there. */
  readonly ready?: (socket: Socket) => void;
}

export interface Pid1Scene {
  /** The boot ramdisk's root; `rootfs` below it becomes the root. */
  readonly folder: string;
  start(words?: readonly string[]): Pid1Run;
  /** Resolves with the lines on the console at the end; at most 120 s. */
  run(words?: readonly string[]): Promise<string[]>;
}

export interface Pid1Run {
  /** `unshare`, whose only child is process 1. */
  readonly child: ChildProcess;
  console(): string;
  /** Resolves with the console, when all is over. */
  readonly ended: Promise<string>;
  /** Process 1 as this namespace numbers it. */
  pid(): number;
}

// Given (docs/wire/addresses.md): hostPort(16, 0).
const readyPort = 0x4000_0000 + 16 * 256;
export const simulatedWords: readonly string[] = ['--simulated', '--fabric', '/fabric', '--cid', '16'];
// Chosen.
const defaultRunMs = 120_000;

/** All is gone after the test. */
export async function arrangePid1(context: TestContext, layout: Pid1Layout): Promise<Pid1Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'rootfs/bin'), { recursive: true });
  mkdirSync(join(folder, 'rootfs/dev'));
  mkdirSync(join(folder, 'fabric/3'), { recursive: true, mode: 0o700 });
  spawnSync('mknod', ['-m', '666', join(folder, 'rootfs/dev/null'), 'c', '1', '3']);
  copyFileSync(join(pid1Built, 'caisson-init'), join(folder, 'init'));
  copyFileSync(join(pid1Built, 'caisson-init-probe'), join(folder, 'rootfs/bin/probe'));
  const { cmd, env = 'PATH=/bin\n', supervisor, profile, binds = {}, runMs = defaultRunMs } = layout;
  for (const [name, text] of Object.entries({ cmd, env, supervisor, profile })) {
    if (text !== undefined) writeFileSync(join(folder, name), text);
  }
  await listen(context, join(folder, 'fabric/3/9000'), layout.answer ?? echoHeartbeat);
  if (layout.ready !== undefined) await listen(context, join(folder, `fabric/3/${readyPort}`), layout.ready);
  const start = (words = simulatedWords): Pid1Run => {
    const child = spawn('unshare', [...namespaces, ...entry(folder, binds), '/init', ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: runMs,
      killSignal: 'SIGKILL',
    });
    return watch(child);
  };
  return {
    folder,
    start,
    run: async (words) => (await start(words).ended).split('\n').filter((line) => line !== ''),
  };
}

/** Binds need a mount namespace to stand in, so a shell makes them before it becomes process 1. */
function entry(folder: string, binds: Readonly<Record<string, string>>): string[] {
  const pairs = Object.entries(binds);
  if (pairs.length === 0) return [`--root=${folder}`];
  for (const [path] of pairs) mkdirSync(join(folder, 'rootfs', path), { recursive: true });
  const script =
    'root=$1; shift; while [ "$1" != -- ]; do mount --rbind "$1" "$2"; shift 2; done; shift; exec chroot "$root" "$@"';
  return [
    'sh',
    '-c',
    script,
    'sh',
    folder,
    ...pairs.flatMap(([path, from]) => [from, join(folder, 'rootfs', path)]),
    '--',
  ];
}

async function listen(context: TestContext, path: string, hear: (socket: Socket) => void): Promise<void> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    hear(socket);
  });
  server.listen(path);
  await once(server, 'listening');
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
}

function echoHeartbeat(socket: Socket): void {
  socket.on('data', (bytes: Buffer) => {
    if (bytes.at(-1) === 0xb7) socket.end(Buffer.of(0xb7));
  });
}

function watch(child: ChildProcess): Pid1Run {
  let text = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = once(child, 'close').then(() => text);
  return { child, console: () => text, ended, pid: () => childrenOf(child.pid!)[0]! };
}

/** Children of a process, as this namespace numbers them. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

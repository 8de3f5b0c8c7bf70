// The bridges under test, ours and the others, each a process of its own that listens on TCP and dials one unix socket.
// A peer whose program is absent is left out and named. `bench/setup` installs them.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createMeter, type Meter } from './meter.ts';

export interface Peer {
  readonly name: string;
  readonly port: number;
  readonly meter: Meter;
  readonly pid: number;
  stop(): Promise<void>;
}

interface Recipe {
  readonly name: string;
  /** Nothing when the peer is not at hand. */
  command(port: number, unixPath: string, work: string): readonly string[] | false | undefined;
}

const root = join(import.meta.dirname, '../..');
const here = import.meta.dirname;

const recipes: readonly Recipe[] = [
  {
    name: 'caisson',
    command: (port, path) => [
      process.execPath,
      join(root, 'dist/caisson.mjs'),
      ...['bridge', '--listen', `tcp:127.0.0.1:${port}`, '--dial', `unix:${path}`, '--max-connections', '8192'],
    ],
  },
  {
    name: 'socat',
    command: (port, path) =>
      has('socat') && [
        'socat',
        '-b65536',
        `TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr,nodelay,backlog=4096`,
        `UNIX-CONNECT:${path}`,
      ],
  },
  {
    name: 'haproxy',
    command: (port, path, work) => has('haproxy') && ['haproxy', '-f', haproxyFile(port, path, work)],
  },
  {
    name: 'nginx',
    command: (port, path, work) => has('nginx') && ['nginx', '-p', work, '-c', nginxFile(port, path, work)],
  },
  {
    name: 'go',
    command: (port, path, work) => {
      if (!has('go')) return undefined;
      const program = join(work, 'go-copy');
      build(['go', 'build', '-o', program, 'main.go'], join(here, 'peer/go-copy'), { GO111MODULE: 'off' });
      return [program, `127.0.0.1:${port}`, path];
    },
  },
  {
    name: 'tokio',
    command: (port, path, work) => {
      const sources = '/usr/share/cargo/registry';
      if (!has('cargo') || !existsSync(sources)) return undefined;
      const debian = ['--config', 'source.crates-io.replace-with="d"', '--config', `source.d.directory="${sources}"`];
      const target = join(work, 'target');
      build(['cargo', 'build', '--release', '--offline', '-q', ...debian], join(here, 'peer/tokio-copy'), {
        CARGO_TARGET_DIR: target,
      });
      return [join(target, 'release/tokio-copy'), `127.0.0.1:${port}`, path];
    },
  },
];

/** Starts every peer that is at hand; resolves with them and the names of the absent ones. */
export async function startPeers(
  unixPath: string,
  work: string,
  only: readonly string[] | undefined,
): Promise<{ peers: Peer[]; absent: string[] }> {
  const peers: Peer[] = [];
  const absent: string[] = [];
  try {
    for (const recipe of recipes.filter(({ name }) => name === 'caisson' || (only?.includes(name) ?? true))) {
      const port = await freePort();
      const command = recipe.command(port, unixPath, work);
      if (!command) absent.push(recipe.name);
      else peers.push(await startPeer(recipe.name, port, command));
    }
  } catch (error) {
    await Promise.all(peers.map((peer) => peer.stop()));
    throw error;
  }
  return { peers, absent };
}

async function startPeer(name: string, port: number, [file = '', ...args]: readonly string[]): Promise<Peer> {
  const meter = createMeter(name);
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint = (complaint + chunk).slice(-2_000);
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${name}`);
  meter.add(pid);
  for (const deadline = performance.now() + 10_000; !(await accepts(port)); ) {
    if (performance.now() > deadline || child.exitCode !== null)
      throw new Error(`${name} does not listen: ${complaint}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { name, port, meter, pid, stop: () => stop(child, meter) };
}

async function stop(child: ChildProcess, meter: Meter): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode === null && child.pid !== undefined) {
    process.kill(-child.pid, 'SIGKILL');
    await exited;
  }
  meter.close();
}

function haproxyFile(port: number, path: string, work: string): string {
  const file = join(work, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  nbthread 2
  maxconn 4096
defaults
  mode tcp
  option splice-auto
  timeout connect 5s
  timeout client 5m
  timeout server 5m
listen bridge
  bind 127.0.0.1:${port} backlog 4096
  server far unix@${path}
`,
  );
  return file;
}

function nginxFile(port: number, path: string, work: string): string {
  const file = join(work, 'nginx.conf');
  mkdirSync(join(work, 'logs'), { recursive: true });
  // Debian ships the stream proxy as a module; other builds have it inside.
  const moduleFile = '/usr/lib/nginx/modules/ngx_stream_module.so';
  writeFileSync(
    file,
    `${existsSync(moduleFile) ? `load_module ${moduleFile};\n` : ''}daemon off;
${process.getuid?.() === 0 ? 'user root;\n' : ''}worker_processes 2;
pid ${work}/nginx.pid;
error_log stderr crit;
events { worker_connections 8192; }
stream {
  server {
    listen 127.0.0.1:${port} backlog=4096;
    proxy_pass unix:${path};
    proxy_buffer_size 64k;
    tcp_nodelay on;
  }
}
`,
  );
  return file;
}

function build([file = '', ...args]: readonly string[], cwd: string, env: Record<string, string>): void {
  const { status, stderr } = spawnSync(file, args, { cwd, env: { ...process.env, ...env }, encoding: 'utf8' });
  if (status !== 0) throw new Error(`building ${cwd} failed: ${stderr}`);
}

function has(program: string): boolean {
  return spawnSync('which', [program]).status === 0;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function accepts(port: number): Promise<boolean> {
  const { connect } = await import('node:net');
  return new Promise((resolve) => {
    const probe = connect(port, '127.0.0.1', () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
}

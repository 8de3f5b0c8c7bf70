// How each bridge is started, ours and the others: no log line for a connection, no limit that the bench reaches, two threads or
// processes where the program has them, and what its documentation advises for speed. Ours and socat take any route, the others
// TCP to unix.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { has } from './child.ts';

/** Addresses in Caisson's spelling. */
export interface Route {
  readonly listen: string;
  /** What a client dials; differs from `listen` where that is `vsock:any:PORT`. */
  readonly near: string;
  readonly dial: string;
}

export interface Recipe {
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Nothing when the peer is not at hand. */
  command(route: Route, work: string): readonly string[] | false | undefined;
}

const root = join(import.meta.dirname, '../..');
const here = import.meta.dirname;

/** Ours with at most so many connections. */
export function caissonRecipe(maxConnections: number, bundle = join(root, 'dist/caisson/caisson.mjs')): Recipe {
  return {
    name: 'caisson',
    env: { LOG_LEVEL: 'warn' },
    command: ({ listen, dial }) => [
      ...[process.execPath, bundle, 'bridge', '--listen', listen, '--dial', dial],
      ...['--max-connections', String(maxConnections)],
    ],
  };
}

export function socatRecipe(program: string): Recipe {
  return { name: 'socat', command: (route) => [program, '-b65536', socatListen(route.listen), socatDial(route.dial)] };
}

export const recipes: readonly Recipe[] = [
  caissonRecipe(8192),
  { name: 'socat', command: (route, work) => has('socat') && socatRecipe('socat').command(route, work) },
  {
    name: 'haproxy',
    command: (route, work) => has('haproxy') && ['haproxy', '-f', haproxyFile(route, work)],
  },
  {
    name: 'nginx',
    command: (route, work) => has('nginx') && ['nginx', '-e', 'stderr', '-p', work, '-c', nginxFile(route, work)],
  },
  {
    name: 'go',
    command: (route, work) => {
      if (!has('go')) return undefined;
      const program = join(work, 'go-copy');
      build(['go', 'build', '-o', program, 'main.go'], join(here, 'peer/go-copy'), { GO111MODULE: 'off' });
      return [program, hostPort(route.listen), unixPath(route.dial)];
    },
  },
  {
    name: 'tokio',
    command: (route, work) => {
      const sources = '/usr/share/cargo/registry';
      if (!has('cargo') || !existsSync(sources)) return undefined;
      const debian = ['--config', 'source.crates-io.replace-with="d"', '--config', `source.d.directory="${sources}"`];
      const target = join(work, 'target');
      build(['cargo', 'build', '--release', '--offline', '-q', ...debian], join(here, 'peer/tokio-copy'), {
        CARGO_TARGET_DIR: target,
      });
      return [join(target, 'release/tokio-copy'), hostPort(route.listen), unixPath(route.dial)];
    },
  },
];

// Two descriptors a connection, and pipes for splicing: 4,096 connections fit the 20,000 that many machines allow.
function haproxyFile({ listen, dial }: Route, work: string): string {
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
  bind ${hostPort(listen)} backlog 4096
  server far unix@${unixPath(dial)}
`,
  );
  return file;
}

function nginxFile({ listen, dial }: Route, work: string): string {
  const file = join(work, 'nginx.conf');
  mkdirSync(join(work, 'logs'), { recursive: true });
  // Debian ships the stream proxy as a module; other builds have it inside.
  const moduleFile = '/usr/lib/nginx/modules/ngx_stream_module.so';
  // A worker that gave up root could not enter the folder of the far side's socket.
  writeFileSync(
    file,
    `${existsSync(moduleFile) ? `load_module ${moduleFile};\n` : ''}daemon off;
${process.getuid?.() === 0 ? 'user root;\n' : ''}worker_processes 2;
pid ${work}/nginx.pid;
error_log stderr crit;
events { worker_connections 8192; }
stream {
  server {
    listen ${hostPort(listen)} backlog=4096;
    proxy_pass ${dial};
    proxy_buffer_size 64k;
    tcp_nodelay on;
  }
}
`,
  );
  return file;
}

function hostPort(listen: string): string {
  return listen.slice('tcp:'.length);
}

function unixPath(dial: string): string {
  return dial.slice('unix:'.length);
}

// A backlog of 5, socat's own, would turn a crowd away.
function socatListen(listen: string): string {
  const [kind, host, port] = listen.split(':');
  const options = 'fork,reuseaddr,backlog=4096';
  return kind === 'vsock' ? `VSOCK-LISTEN:${port},${options}` : `TCP-LISTEN:${port},bind=${host},nodelay,${options}`;
}

function socatDial(dial: string): string {
  const [kind, host, port] = dial.split(':');
  if (kind === 'unix') return `UNIX-CONNECT:${unixPath(dial)}`;
  return kind === 'vsock' ? `VSOCK-CONNECT:${host}:${port}` : `TCP:${host}:${port},nodelay`;
}

function build([file = '', ...args]: readonly string[], cwd: string, env: Record<string, string>): void {
  const { status, stderr } = spawnSync(file, args, { cwd, env: { ...process.env, ...env }, encoding: 'utf8' });
  if (status !== 0) throw new Error(`building ${cwd} failed: ${stderr}`);
}

// How each bridge is started, ours and the others, on TCP towards one unix socket: no log line for a connection, no limit that
// the bench reaches, two threads or processes where the program has them, and what its documentation advises for speed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { has } from './child.ts';

export interface Recipe {
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Nothing when the peer is not at hand. */
  command(port: number, unixPath: string, work: string): readonly string[] | false | undefined;
}

const root = join(import.meta.dirname, '../..');
const here = import.meta.dirname;

/** Ours with at most so many connections. */
export function caissonRecipe(maxConnections: number): Recipe {
  return {
    name: 'caisson',
    env: { LOG_LEVEL: 'warn' },
    command: (port, path) => [
      process.execPath,
      join(root, 'dist/caisson.mjs'),
      ...['bridge', '--listen', `tcp:127.0.0.1:${port}`, '--dial', `unix:${path}`],
      ...['--max-connections', String(maxConnections)],
    ],
  };
}

export const recipes: readonly Recipe[] = [
  caissonRecipe(8192),
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
    command: (port, path, work) =>
      has('nginx') && ['nginx', '-e', 'stderr', '-p', work, '-c', nginxFile(port, path, work)],
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

// Two descriptors a connection, and pipes for splicing: 4,096 connections fit the 20,000 that many machines allow.
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

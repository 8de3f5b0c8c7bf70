// The process trees of the example and what connects them: the simulated NSM, the enclave side, the parent side.
// The enclave side gets a network namespace of its own where the machine allows one: then the fabric really is its only way out.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { choosePort } from '../client/choose-port.ts';
import { fetchBytes } from './load.ts';
import { measureFiles } from './measure.ts';
import type { Report } from './report.ts';
import { type Side, startSide } from './side.ts';

const root = join(import.meta.dirname, '../..');
const bundle = join(root, 'dist/caisson-enclave-development.mjs');
const program = join(root, 'packages/cli/bin/caisson.js');
const app = join(import.meta.dirname, 'app.mjs');
const script = join(import.meta.dirname, 'enclave.sh');
const cid = 16;
const readyMs = 20_000;

export interface Sides {
  /** PCR0, PCR1 and PCR2 that the simulated NSM was started with, hex. */
  readonly pcrs: readonly string[];
  /** PEM of the simulator's root. */
  readonly rootFile: string;
  /** Rejects when a side dies before `end`. */
  readonly died: Promise<never>;
  /** Starts everything and resolves when a request has been answered through the bridges. */
  open(port: number): Promise<void>;
  /** What went through the inbound bridge, from the parent side's own log lines. */
  bytes(): Promise<{ inward: number; outward: number }>;
  end(): Promise<void>;
}

export function startSides({
  work,
  upstreamPort,
  report,
}: {
  work: string;
  upstreamPort: number;
  report: Report;
}): Sides {
  const fabric = join(work, 'v');
  const socket = join(work, 'nsm.sock');
  const state = join(work, 'nsm');
  const pcrs = measureFiles({ program: [bundle], application: [app, script] });
  const sides: Side[] = [];
  const inbound = { connections: 0, inward: 0, outward: 0 };
  let reportDeath: (reason: unknown) => void = () => {};
  const died = new Promise<never>((_, reject) => {
    reportDeath = reject;
  });
  died.catch(() => {});
  const start = (options: Parameters<typeof startSide>[0]): Side => {
    const side = startSide(options);
    side.died.catch(reportDeath);
    sides.push(side);
    return side;
  };

  return {
    pcrs,
    rootFile: join(state, 'root.pem'),
    died,
    async open(port) {
      mkdirSync(fabric, { mode: 0o700 });
      const flags = pcrs.flatMap((value, index) => ['--pcr', `${index}=${value}`]);
      start({
        name: 'simulated NSM',
        command: [process.execPath, program, 'nsm', 'serve', '--socket', socket, '--state', state, ...flags],
        env: {},
      });
      await until('the simulated NSM', () => answers(socket));
      report.step(
        'simulated NSM: hardware’s wire bytes, the measurements of these files, a root that says it is simulated',
      );

      const isolation = findIsolation();
      start({
        name: 'enclave side',
        command: [...isolation.command, 'sh', script],
        env: {
          CAISSON_VSOCK: `fabric:${fabric}`,
          CAISSON_CID: String(cid),
          CAISSON_NSM: `unix:${socket}`,
          NODE: process.execPath,
          BUNDLE: bundle,
          APP: app,
          WORK: work,
          CONFIG_FILE: join(work, 'received.json'),
          HOSTS_FILE: join(work, 'hosts'),
        },
      });
      report.step(`enclave side: cid ${cid}, one bundle, ${isolation.about}`);

      const config = join(work, 'config.json');
      writeFileSync(config, await exampleConfig(port, upstreamPort));
      start({
        name: 'parent side',
        command: [process.execPath, program, 'host', String(cid), config],
        env: { CAISSON_VSOCK: `fabric:${fabric}`, ARGONAUT_HTTP_BIND_ADDR: '127.0.0.1' },
        onLine: (line) => addBytes(line, inbound),
      });
      await until('an answer through the bridges', async () => (await fetchBytes(port, '/')).length > 0);
      report.step('parent side: boot config delivered over vsock port 7777, bridges up both ways');
    },
    async bytes() {
      // The lines of the last connections follow their end by a moment.
      await until('the log lines of the inbound bridge', async () => inbound.connections >= 16);
      return inbound;
    },
    async end() {
      await Promise.all(sides.map((side) => side.end()));
    },
  };
}

// A user namespace makes the caller root of his own network; root itself needs none.
function findIsolation(): { command: [string, ...string[]]; about: string } {
  for (const flags of [['--net'], ['--user', '--map-root-user', '--net']]) {
    if (spawnSync('unshare', [...flags, 'true']).status === 0) {
      return {
        command: ['unshare', ...flags, '--'],
        about: 'a network namespace of its own: the fabric is its only way out',
      };
    }
  }
  return { command: ['env'], about: 'NOT in a network namespace (this machine allows none)' };
}

async function exampleConfig(httpPort: number, upstreamPort: number): Promise<string> {
  const [httpTcpPort, localPort] = [await choosePort('0'), await choosePort('0')];
  const config = {
    schemaVersion: 'v0.1',
    httpPort,
    httpVsockPort: 3000,
    httpTcpPort,
    // The upstream stands on this machine's loopback, which an operator's own file may name.
    endpoints: [{ host: 'localhost', vsockPort: 8100, tcpPort: upstreamPort, localPort }],
    greeting: 'hello from inside',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect(socket, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', reject);
  });
}

/** Tries until it is true; the last error is the reason when the deadline has passed. */
async function until(what: string, attempt: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + readyMs;
  let reason: unknown;
  while (performance.now() < deadline) {
    try {
      if (await attempt()) return;
    } catch (error) {
      reason = error;
    }
    await sleep(20);
  }
  const last = reason instanceof Error ? `: ${reason.message}` : '';
  throw new Error(`waited ${readyMs / 1000} s for ${what} in vain${last}`);
}

/** Counts what the parent side logs of each finished connection into the enclave. */
function addBytes(line: string, inbound: { connections: number; inward: number; outward: number }): void {
  if (!line.startsWith('{')) return;
  const { code, fields } = JSON.parse(line) as { code: string; fields?: Record<string, string | number> };
  if (code !== 'CONNECTION_CLOSED' || !String(fields?.['target']).startsWith(`VSOCK:${cid}:`)) return;
  inbound.connections += 1;
  inbound.inward += Number(fields?.['forwardBytes']);
  inbound.outward += Number(fields?.['backwardBytes']);
}

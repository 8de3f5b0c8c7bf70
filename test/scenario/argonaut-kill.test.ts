// Either side of argonaut dies by SIGKILL in the middle of its traffic: nobody who talked through it may be left hanging, and a new
// one takes its place on the same ports.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { runConfigRecv } from '@caisson/enclave/main/config-recv';
import { createFabricTransport } from '@caisson/link/transport';
import { laneBoundMs } from '@caisson/testkit/contract';
import { freePort } from '@caisson/testkit/loopback';
import { programWords } from '@caisson/testkit/program';

const clients = 8;
const goneWithinMs = laneBoundMs(3_000);
const rounds = process.env['CAISSON_LANE'] === 'deep' ? 10 : 1;

interface Side {
  readonly child: ChildProcess;
  said(text: string): Promise<void>;
}

function startSide(
  t: TestContext,
  [node, ...words]: readonly [string, ...string[]],
  env: Record<string, string>,
): Side {
  const child = spawn(node, words, {
    env,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  t.after(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const said = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (stderr.includes(text)) resolve();
      };
      child.stderr?.on('data', look);
      child.once('exit', (code) => reject(new Error(`ended with ${code} before ${JSON.stringify(text)}: ${stderr}`)));
      look();
    });
  return { child, said };
}

/** A server that sends back what it gets and keeps its sockets. */
async function openEcho(t: TestContext): Promise<{ port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket
      .on('error', () => {})
      .on('close', () => sockets.delete(socket))
      .pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

async function startBoth(
  t: TestContext,
  folder: string,
  httpPort: number,
  app: number,
): Promise<{ host: Side; enclave: Side }> {
  const directory = join(folder, 'v');
  const config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify({ httpPort, httpVsockPort: 3000, httpTcpPort: app, endpoints: [] }));
  const env = (cid: number): Record<string, string> => ({
    CAISSON_VSOCK: `fabric:${directory}`,
    CAISSON_CID: String(cid),
    ARGONAUT_HTTP_BIND_ADDR: '127.0.0.1',
  });
  const stdout = new PassThrough();
  const received = runConfigRecv(
    { port: toVsockPort(7777) },
    { stdout, transport: createFabricTransport({ directory, localCid: toCid(16) }), stop: AbortSignal.timeout(60_000) },
  );
  const host = startSide(t, [...programWords('argonaut'), 'host', '16', config], env(3));
  const program = join(import.meta.dirname, '../../packages/enclave/src/main/caisson-enclave-development.ts');
  const inside = ['enclave', '--hosts-file', join(folder, 'hosts')];
  const enclave = startSide(t, [process.execPath, '--conditions=caisson-source', program, ...inside], env(16));
  await received;
  enclave.child.stdin?.end(stdout.read());
  await Promise.all([host.said('all bridges started'), enclave.said('[traffic] ready')]);
  return { host, enclave };
}

function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.destroyed ? resolve() : socket.once('close', () => resolve())));
}

async function within(what: string, work: Promise<unknown>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} hung for ${goneWithinMs} ms`)), goneWithinMs);
  await Promise.race([work, promise]).finally(() => clearTimeout(timer));
}

for (const victim of ['enclave', 'host'] as const) {
  test(`the ${victim} side killed in the middle of its traffic leaves nobody hanging`, {
    timeout: 300_000 * rounds,
  }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, 'v'), { mode: 0o700 });
    const { port: app, sockets } = await openEcho(t);
    const httpPort = await freePort();
    for (let round = 0; round < rounds; round += 1) {
      const sides = await startBoth(t, folder, httpPort, app);
      const open = Array.from({ length: clients }, () => connect(httpPort, '127.0.0.1').on('error', () => {}));
      t.after(() => {
        for (const socket of open) socket.destroy();
      });
      await Promise.all(
        open.map(async (socket, index) => {
          socket.write(Buffer.alloc(100_000 + index));
          await once(socket, 'data');
          socket.resume();
        }),
      );
      const served = [...sockets];
      assert.equal(served.length, clients);
      // More on the way in both directions at the moment of death.
      for (const socket of open) socket.write(Buffer.alloc(200_000));
      sides[victim].child.kill('SIGKILL');
      await within('a client', Promise.all(open.map(closeOf)));
      await within('the application', Promise.all(served.map(closeOf)));
      for (const { child } of Object.values(sides)) child.kill('SIGKILL');
      await Promise.all(
        Object.values(sides).map(({ child }) => child.exitCode ?? child.signalCode ?? once(child, 'exit')),
      );
    }
  });
}

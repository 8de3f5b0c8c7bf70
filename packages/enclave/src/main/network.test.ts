// network.service as it runs: two enclaves with the same settings on one host, ready only when everything listens, and nothing at all of a
// plan that is at fault.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CID_ANY, CID_PARENT, hostPort, toCid, toVsockPort } from '@caisson/core/address';
import { type MeasuredImage, writeMeasuredImage } from '@caisson/core/measured';
import { DEFAULT_BRIDGE_LIMITS, openBridgeSet } from '@caisson/link/bridge';
import { createFabricTransport } from '@caisson/link/transport';
import { createLinuxKernel, type Kernel } from '@caisson/sys';
import { measuredImage } from '@caisson/testkit/boot';
import { runNetwork } from './network.ts';

const linux = createLinuxKernel();

/** A server that says its name to whoever connects. */
async function serve(t: TestContext, name: string): Promise<number> {
  const server: Server = createServer((socket) => socket.on('error', () => {}).end(name)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function read(socket: ReturnType<typeof connect>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  socket.destroy();
  return Buffer.concat(parts).toString();
}

const image = measuredImage({
  name: 'shop',
  version: '1',
  components: ['network'],
  healthPort: 5000,
  config: { expect: 'optional', timeoutMs: 0 },
});

function enclave(
  t: TestContext,
  folder: string,
  directory: string,
  cid: number,
  measured: Partial<MeasuredImage>,
  config?: object,
) {
  const own = join(folder, String(cid));
  mkdirSync(own);
  const [imageFile, configFile, hostsFile] = ['image.json', 'config.json', 'hosts'].map((name) => join(own, name));
  writeFileSync(imageFile!, writeMeasuredImage({ ...image, ...measured }));
  if (config !== undefined) writeFileSync(configFile!, JSON.stringify(config));
  const said: string[] = [];
  const ready = Promise.withResolvers<void>();
  const kernel: Kernel = {
    ...linux,
    sendDatagram(path, text) {
      said.push(`${path}: ${text}`);
      ready.resolve();
    },
  };
  const stop = new AbortController();
  const transport = createFabricTransport({ directory, localCid: toCid(cid) });
  const running = runNetwork(
    { imageFile, configFile, hostsFile },
    { env: { NOTIFY_SOCKET: '/run/notify' }, kernel, transport, say: () => {}, stop: stop.signal },
  );
  t.after(async () => {
    stop.abort('SIGTERM');
    await running.catch(() => {});
  });
  const either = Promise.race([ready.promise, running]);
  // Some tests look at `running` alone.
  either.catch(() => {});
  return {
    running,
    ready: either,
    said,
    stop,
    hosts: () => readFileSync(hostsFile!, 'utf8'),
    hostsFile: hostsFile!,
  };
}

test('two enclaves with equal ways in and out use one host at once, and each reaches its own', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const directory = mkdtempSync(join(folder, 'v-'));
  const host = createFabricTransport({ directory, localCid: CID_PARENT, hostWide: true });
  const cids = [16, 17];
  const outside = await Promise.all(cids.map((cid) => serve(t, `outside ${cid}`)));
  const inside = await Promise.all(cids.map((cid) => serve(t, `inside ${cid}`)));
  const rules = cids.map((cid, index) => ({
    name: `egress of ${cid}`,
    listen: { kind: 'vsock', cid: CID_ANY, port: hostPort(cid, 16) } as const,
    dial: { kind: 'tcp', host: '127.0.0.1', port: outside[index]! } as const,
    limits: DEFAULT_BRIDGE_LIMITS,
    peerCid: toCid(cid),
  }));
  const shim = await openBridgeSet(rules, { transport: host, kernel: linux });
  t.after(() => shim.drain(0));

  const enclaves = cids.map((cid, index) =>
    enclave(t, folder, directory, cid, {
      ingress: [{ vsockPort: 3000, targetPort: inside[index]! }],
      egress: [{ host: 'api.example.com', port: outside[index]! }],
    }),
  );
  await Promise.all(enclaves.map(({ ready }) => ready));
  for (const [index, { said, hosts }] of enclaves.entries()) {
    assert.deepEqual(said, ['/run/notify: STATUS=2 bridges are open\nREADY=1']);
    assert.match(hosts(), /^127\.0\.1\.64 {3}api\.example\.com$/m);
    // One network namespace for both here: the local ports differ, everything on the wall is equal.
    assert.equal(await read(connect(outside[index]!, '127.0.1.64')), `outside ${cids[index]}`);
    const way = await host.connect({ cid: toCid(cids[index]!), port: toVsockPort(3000) });
    assert.equal(await read(way), `inside ${cids[index]}`);
  }
  const neighbour = createFabricTransport({ directory, localCid: toCid(17) });
  const thief = await neighbour.connect({ cid: CID_PARENT, port: hostPort(16, 16) });
  assert.equal(await read(thief.on('error', () => {})).catch(() => ''), '', 'the way out of 16 serves 16 alone');
});

test('adds what the config says to what the image says, and ends when it is told to', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const target = await serve(t, 'app');
  const config = { httpVsockPort: 3001, httpTcpPort: target, endpoints: [], anything: 'of the application' };
  const one = enclave(t, folder, mkdtempSync(join(folder, 'v-')), 16, {}, config);
  await one.ready;
  assert.deepEqual(one.said, ['/run/notify: STATUS=1 bridges are open\nREADY=1']);
  one.stop.abort('SIGTERM');
  await one.running;
});

test('an image without ways is ready with none', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const one = enclave(t, folder, mkdtempSync(join(folder, 'v-')), 16, {});
  await one.ready;
  assert.deepEqual(one.said, ['/run/notify: STATUS=0 bridges are open\nREADY=1']);
});

test('of a plan at fault nothing is written, opened or called ready', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const directory = mkdtempSync(join(folder, 'v-'));
  const cases: [number, Partial<MeasuredImage>, object | undefined, string][] = [
    [16, { ingress: [{ vsockPort: 5000, targetPort: 1 }] }, undefined, 'NETWORK_CONFLICT'],
    [17, {}, { endpoints: [{ host: 'a', vsockPort: 0 }] }, 'NETWORK_CONFIG'],
    [18, { config: { ...image.config, endpoints: [] } }, { endpoints: [{ host: 'a', vsockPort: 1 }] }, 'EGRESS_POLICY'],
  ];
  for (const [cid, measured, config, code] of cases) {
    const one = enclave(t, folder, directory, cid, measured, config);
    await assert.rejects(one.running, { code });
    assert.deepEqual(one.said, []);
    assert.ok(!existsSync(one.hostsFile));
    assert.ok(!existsSync(join(directory, String(cid))));
  }
});

// Both sides of argonaut in one process, with nothing between them but the fabric: boot config in, HTTP in, HTTP out, and what
// happens to strangers, to one connection too many, and when a side is stopped.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get, type RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { runConfigRecv } from '@caisson/enclave/main/config-recv';
import { runEnclave } from '@caisson/enclave/main/enclave';
import { runHost } from '@caisson/host/argonaut';
import type { SaidLine } from '@caisson/link/argonaut';
import { createFabricTransport, type Transport } from '@caisson/link/transport';
import { createLinuxKernel, type Kernel } from '@caisson/sys';
import { laneBoundMs } from '@caisson/testkit/contract';
import { freePort } from '@caisson/testkit/loopback';

const cid = toCid(16);
const configPort = toVsockPort(7777);
const native = createLinuxKernel();
const planes: readonly { name: string; kernel: Kernel }[] = [
  { name: 'native', kernel: native },
  { name: 'js', kernel: { ...native, hasAddon: false } },
];

interface World {
  readonly folder: string;
  readonly host: Transport;
  readonly enclave: Transport;
  readonly stranger: Transport;
  readonly httpPort: number;
  readonly hostLines: SaidLine[];
  /** Each line again, as an event named by its code. */
  readonly hostSaid: EventEmitter;
  /** Stops the host and resolves when it has ended. */
  stopHost(): Promise<void>;
}

async function listenHttp(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

function fetchText(port: number, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false, timeout: 300_000 }, async (response) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      resolve({ status: response.statusCode ?? 0, text });
    }).on('error', reject);
  });
}

/** Unlike `once`, not ended by an error before it. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** An upstream on the host, an application in the enclave that asks it, and argonaut's two sides between them. */
async function start(t: TestContext, kernel: Kernel, env: Record<string, string> = {}): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const directory = mkdtempSync(join(folder, 'v-'));
  const [host, enclave, stranger] = [3, 16, 17].map((own) =>
    createFabricTransport({ directory, localCid: toCid(own) }),
  );
  assert.ok(host && enclave && stranger);
  const localPort = await freePort();
  const upstream = await listenHttp(t, (request, response) => void response.end(`upstream saw ${request.url}`));
  const app = await listenHttp(t, async (request, response) => {
    const { text } = await fetchText(localPort, `${request.url}?via=enclave`);
    response.end(`app: ${text}`);
  });
  const httpPort = await freePort();
  const text = JSON.stringify({
    httpPort,
    httpVsockPort: 3000,
    httpTcpPort: app,
    endpoints: [{ host: 'localhost', vsockPort: 8100, tcpPort: upstream, localPort, localIP: '127.0.0.1' }],
    secretOfTheApp: { kept: [1, 2, 3] },
  });
  const configFile = join(folder, 'config.json');
  writeFileSync(configFile, text);

  const hostLines: SaidLine[] = [];
  const hostSaid = new EventEmitter();
  const [hostStop, enclaveStop] = [new AbortController(), new AbortController()];
  const opened = { host: Promise.withResolvers<void>(), enclave: Promise.withResolvers<void>() };
  const waiting = once(hostSaid, 'CONFIG_WAITING');
  const hostRun = runHost({
    cid,
    configFile,
    env: { ARGONAUT_HTTP_BIND_ADDR: '127.0.0.1', ...env },
    transport: host,
    kernel,
    say(line) {
      hostLines.push(line);
      hostSaid.emit(line.code, line);
    },
    stop: hostStop.signal,
    onOpen: () => opened.host.resolve(),
  });
  // Before anything is awaited: a start that fails would leave listeners behind, and the process open for ever.
  const stopHost = async (): Promise<void> => {
    hostStop.abort('SIGTERM');
    await hostRun;
  };
  const runs: Promise<unknown>[] = [hostRun];
  t.after(async () => {
    hostStop.abort('SIGTERM');
    enclaveStop.abort('SIGTERM');
    await Promise.allSettled(runs);
  });
  await Promise.race([waiting, hostRun]);

  const pipe = new PassThrough();
  let piped = '';
  pipe.on('data', (chunk: Buffer) => (piped += chunk.toString()));
  const enclaveRun = runEnclave(
    { hostsFile: join(folder, 'hosts') },
    {
      stdin: pipe,
      env: {},
      kernel,
      transport: enclave,
      say: () => {},
      stop: enclaveStop.signal,
      onOpen: () => opened.enclave.resolve(),
    },
  );
  runs.push(enclaveRun);
  const received = runConfigRecv({ port: configPort }, { stdout: pipe, transport: enclave, stop: enclaveStop.signal });
  await received;
  pipe.end();
  await Promise.race([Promise.all([opened.host.promise, opened.enclave.promise]), hostRun, enclaveRun]);
  assert.equal(piped, text, 'the config arrives byte for byte');

  return { folder, host, enclave, stranger, httpPort, hostLines, hostSaid, stopHost };
}

for (const { name, kernel } of planes) {
  const skip = name === 'native' && !native.hasAddon && 'the addon is not built';

  test(`carries HTTP into the enclave and out of it again (${name})`, { skip, timeout: 300_000 }, async (t) => {
    const { httpPort, hostLines, folder, stopHost } = await start(t, kernel);
    assert.equal(
      readFileSync(join(folder, 'hosts'), 'utf8'),
      '127.0.0.1   localhost\n\n# argonaut begin\n127.0.0.1   localhost\n# argonaut end\n',
    );
    const replies = await Promise.all(Array.from({ length: 50 }, (_, n) => fetchText(httpPort, `/request/${n}`)));
    for (const [n, reply] of replies.entries()) {
      assert.deepEqual(reply, { status: 200, text: `app: upstream saw /request/${n}?via=enclave` });
    }
    await stopHost();
    const count = (code: string): number => hostLines.filter((line) => line.code === code).length;
    assert.equal(count('CONFIG_WAITING'), 1);
    assert.equal(count('CONFIG_SENT'), 1);
    assert.equal(count('CONFIG_WARNING'), 1, 'one warning for the endpoint on loopback');
    assert.equal(count('CONNECTION_ACCEPTED'), 100, '50 in, 50 out');
    assert.equal(count('CONNECTION_CLOSED'), 100);
    await assert.rejects(fetchText(httpPort, '/'), { code: 'ECONNREFUSED' });
  });

  test(`serves its ways out to no other enclave (${name})`, { skip, timeout: 300_000 }, async (t) => {
    const { stranger } = await start(t, kernel);
    const socket = await stranger.connect({ cid: toCid(3), port: toVsockPort(8100) });
    let bytes = 0;
    socket.on('error', () => {}).on('data', (chunk: Buffer) => (bytes += chunk.length));
    socket.end('GET / HTTP/1.0\r\n\r\n');
    await closeOf(socket);
    assert.equal(bytes, 0);
  });

  test(`closes one connection over the limit at once, with one line, and serves the others (${name})`, {
    skip,
    timeout: 300_000,
  }, async (t) => {
    const { httpPort, hostLines, hostSaid } = await start(t, kernel, {
      ARGONAUT_MAX_CONNECTIONS: '2',
      ARGONAUT_LOG_CONNECTIONS: '0',
    });
    const held = [connect(httpPort, '127.0.0.1'), connect(httpPort, '127.0.0.1')];
    t.after(() => {
      for (const socket of held) socket.destroy();
    });
    // An answer on each shows that both are counted.
    for (const socket of held) {
      socket.write('GET /held HTTP/1.1\r\nhost: x\r\n\r\n');
      await once(socket, 'data');
    }
    const refusal = once(hostSaid, 'CONNECTION_REFUSED');
    const third = connect(httpPort, '127.0.0.1').on('error', () => {});
    const sinceMs = performance.now();
    await closeOf(third);
    assert.ok(performance.now() - sinceMs < laneBoundMs(1000));
    for (const socket of held) {
      socket.write('GET /again HTTP/1.1\r\nhost: x\r\n\r\n');
      await once(socket, 'data');
    }
    await refusal;
    const refused = hostLines.filter(({ code }) => code === 'CONNECTION_REFUSED');
    assert.equal(refused.length, 1);
    assert.match(
      refused[0]?.message ?? '',
      /^\[host\] inbound connection limit reached; closing (?:127\.0\.0\.1:\d+|unknown)$/,
    );
    assert.equal(hostLines.filter(({ code }) => code === 'CONNECTION_ACCEPTED').length, 0);
  });
}

test('says what it waits for and gives up when the enclave never opens its config port', {
  timeout: 300_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const configFile = join(folder, 'config.json');
  writeFileSync(configFile, '{"httpPort":1,"httpVsockPort":2,"endpoints":[]}');
  const lines: string[] = [];
  const run = runHost({
    cid,
    configFile,
    configTimeoutMs: 150,
    env: { ARGONAUT_IDLE_TIMEOUT: 'soon' },
    transport: createFabricTransport({ directory: mkdtempSync(join(folder, 'v-')), localCid: toCid(3) }),
    kernel: { ...native, hasAddon: false },
    say: ({ message }) => void lines.push(message),
    stop: new AbortController().signal,
  });
  await assert.rejects(run, {
    code: 'HOST_CONFIG_PORT',
    message: 'CID 16 via VSOCK:7777 did not take the config within 150ms',
  });
  assert.deepEqual(lines, [
    'invalid ARGONAUT_IDLE_TIMEOUT="soon"; using 5m0s',
    '[host] waiting up to 150ms for CID 16 via VSOCK:7777 to take the config',
  ]);
});

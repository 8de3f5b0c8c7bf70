// The verbs of the enclave program as functions: what they do in which order, what stops them, and that nothing of a refused config
// takes effect. The bundles' command line is run as a process of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { parseNsmRequest } from '@caisson/core/nitro';
import { sendConfig } from '@caisson/link/config';
import { createFabricTransport, type Transport } from '@caisson/link/transport';
import type { Kernel, NsmDevice } from '@caisson/sys';
import { compileCache } from '@caisson/testkit/program';
import { runConfigRecv } from './config-recv.ts';
import { runEnclave } from './enclave.ts';
import { runNsm } from './nsm.ts';

const never = new AbortController().signal;
const bare = { hasAddon: false } as Kernel;
const config = {
  httpVsockPort: 3000,
  httpTcpPort: 3001,
  endpoints: [{ host: 'sui.io', vsockPort: 8100, localIP: '127.0.0.1', localPort: 1 }],
};

function setting(t: TestContext): { folder: string; directory: string; hostsFile: string; enclave: Transport } {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const directory = mkdtempSync(join(folder, 'v-'));
  return {
    folder,
    directory,
    hostsFile: join(folder, 'hosts'),
    enclave: createFabricTransport({ directory, localCid: toCid(16) }),
  };
}

test('refuses a config with a fault, one outside the policy and one that is too large before anything takes effect', async (t) => {
  const { folder, hostsFile, enclave } = setting(t);
  const policyFile = join(folder, 'policy.json');
  writeFileSync(policyFile, '{"endpoints":[{"host":"walrus.io","tcpPort":443}]}');
  const kernel: Kernel = {
    ...bare,
    hasAddon: true,
    bringUpLoopback: () => Promise.reject(new Error('must not be asked')),
  };
  const run = (text: string, files = {}): Promise<void> =>
    runEnclave(
      { hostsFile, ...files },
      { stdin: Readable.from([Buffer.from(text)]), env: {}, kernel, transport: enclave, say: () => {}, stop: never },
    );
  await assert.rejects(run('{"httpVsockPort":3000,"endpoints":[]}'), {
    message: 'invalid enclave config: httpTcpPort must be an integer in 1..65535, got nothing',
  });
  await assert.rejects(run(JSON.stringify(config), { policyFile }), {
    code: 'EGRESS_POLICY',
    message: 'endpoints[0] must be one of the 1 endpoints of the policy, got sui.io:443',
  });
  await assert.rejects(run(JSON.stringify(config), { policyFile: join(folder, 'none') }), { code: 'ARGONAUT_INPUT' });
  await assert.rejects(run(' '.repeat((1 << 20) + 1)), { code: 'ARGONAUT_INPUT_SIZE' });
  await assert.rejects(run(''), { code: 'CONFIG_FAULT' });
  assert.ok(!existsSync(hostsFile));
});

test('raises loopback before it writes the hosts file, and that before it listens', async (t) => {
  const { hostsFile, enclave } = setting(t);
  const order: string[] = [];
  let isRaised = false;
  const stop = new AbortController();
  const kernel: Kernel = {
    ...bare,
    // Afterwards as without the addon, so that the bridges run in JavaScript.
    get hasAddon() {
      return !isRaised;
    },
    async bringUpLoopback() {
      isRaised = true;
      order.push(`loopback, hosts ${existsSync(hostsFile)}`);
    },
  };
  const text = JSON.stringify({ ...config, endpoints: [] });
  await runEnclave(
    { hostsFile },
    {
      stdin: Readable.from([Buffer.from(text)]),
      env: { ARGONAUT_MAX_CONNECTIONS: 'many' },
      kernel,
      transport: enclave,
      say: ({ message }) => order.push(`${message}, hosts ${existsSync(hostsFile)}`),
      stop: stop.signal,
      onOpen: () => stop.abort('SIGTERM'),
    },
  );
  assert.deepEqual(order, [
    'invalid ARGONAUT_MAX_CONNECTIONS="many"; using 1024, hosts false',
    'loopback, hosts false',
    '[traffic] inbound VSOCK:3000 → TCP:127.0.0.1:3001, hosts true',
    '[traffic] ready, hosts true',
  ]);
});

test('takes one config and writes exactly its bytes, as it waits until it is stopped', async (t) => {
  const { directory, enclave } = setting(t);
  const host = createFabricTransport({ directory, localCid: toCid(3) });
  const [port, cid] = [toVsockPort(7777), toCid(16)];
  const stdout = new PassThrough();
  const bytes = Buffer.from([0, 0xff, 0x0a, 0x7b]);
  const opened = Promise.withResolvers<void>();
  const received = runConfigRecv({ port }, { stdout, transport: enclave, stop: never, onListening: opened.resolve });
  await opened.promise;
  await sendConfig({ transport: host, cid, port, bytes, timeoutMs: 60_000 });
  await received;
  assert.deepEqual(stdout.read(), bytes);
  const stop = new AbortController();
  const waiting = runConfigRecv(
    { port },
    { stdout, transport: enclave, stop: stop.signal, onListening: () => stop.abort('SIGTERM') },
  );
  await assert.rejects(waiting, (reason) => reason === 'SIGTERM');
});

test('answers lines from the NSM it opened, bounds fields at 2,048 bytes, and closes the device at the end', async () => {
  const asked: string[] = [];
  let closed = 0;
  const device: NsmDevice = {
    async request(bytes) {
      asked.push(parseNsmRequest(bytes).type);
      // {"GetRandom": {"random": h'abcd'}}, then {"Error": "InvalidArgument"}.
      const hex =
        asked.length === 1
          ? 'a16947657452616e646f6da16672616e646f6d42abcd'
          : 'a1654572726f726f496e76616c6964417267756d656e74';
      return Buffer.from(hex, 'hex');
    },
    async close() {
      closed += 1;
    },
  };
  const stdout = new PassThrough();
  const lines = `1 RND\n2 ATT aa\n3 ATT ${'ab'.repeat(2049)}\n4 ATT ${'ab'.repeat(2048)} ${'ab'.repeat(2048)} -\n`;
  const said: string[] = [];
  await runNsm({
    stdin: Readable.from([Buffer.from(lines)]),
    stdout,
    stop: never,
    say: ({ message }) => void said.push(message),
    openNsm: async () => device,
  });
  // The last one is within the fields' bounds and beyond the device's 4,096 bytes of request.
  assert.equal(
    String(stdout.read()),
    '1 OK abcd\n2 ERR backend_error\n3 ERR public_key_too_large\n4 ERR backend_error\n',
  );
  assert.deepEqual(asked, ['GetRandom', 'Attestation']);
  assert.deepEqual(said, ['[nsm] ready']);
  assert.equal(closed, 1);
});

function runProgram(
  entry: string,
  words: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const file = join(import.meta.dirname, `${entry}.ts`);
    const child = spawn(process.execPath, ['--conditions=caisson-source', file, ...words], {
      env: { ...compileCache, ...env },
      timeout: 300_000,
    });
    const text = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text.stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text.stderr += chunk));
    child.on('error', reject).on('close', (code) => resolve({ code, ...text }));
    child.stdin.on('error', () => {}).end('1 RND\n');
  });
}

test('ends with 64 and the usage for a wrong command line of either bundle', async () => {
  for (const [entry, words] of [
    ['caisson-enclave', []],
    ['caisson-enclave', ['config', 'recv', 'x']],
    ['caisson-enclave-development', ['nsm', '--policy', 'x']],
    ['caisson-enclave-development', ['enclave', '--bogus']],
  ] as const) {
    const { code, stdout, stderr } = await runProgram(entry, words, {});
    assert.equal(code, 64, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /^caisson-enclave: .+\nusage: caisson-enclave config recv <vsock-port>\n/);
  }
});

test('under a name that the launcher passes on, a wrong command line ends with that tool’s code', async () => {
  for (const [name, words, exit] of [
    ['argonaut', ['bogus'], 1],
    ['initctl', ['bogus'], 2],
    ['pipeline', ['bogus'], 2],
    ['caisson-enclave', ['bogus'], 64],
    ['renamed', ['bogus'], 64],
  ] as const) {
    const { code, stderr } = await runProgram('caisson-enclave', ['--called-as', name, ...words], {});
    assert.equal(code, exit, stderr);
    assert.match(stderr, new RegExp(`^${name === 'renamed' ? 'caisson-enclave' : name}: `));
  }
  const asked = await runProgram('caisson-enclave', ['--called-as', 'initctl', '-s', '/nowhere', 'ping'], {});
  assert.equal(asked.code, 1);
  assert.match(asked.stderr, /\/nowhere/);
});

test('the production program never takes a wall or a simulated NSM from the environment', async (t) => {
  const { directory } = setting(t);
  const env = { CAISSON_VSOCK: `fabric:${directory}`, CAISSON_CID: '16', CAISSON_NSM: 'sim' };
  const nsm = await runProgram('caisson-enclave', ['nsm'], env);
  assert.equal(nsm.code, existsSync('/dev/nsm') ? 0 : 1);
  assert.match(nsm.stderr, /CAISSON_NSM is ignored by a production program/);
  const development = await runProgram('caisson-enclave-development', ['nsm'], env);
  assert.equal(development.code, 1);
  assert.match(development.stderr, /caisson-enclave: CAISSON_NSM must be device or unix:PATH, got "sim"\n/);
});

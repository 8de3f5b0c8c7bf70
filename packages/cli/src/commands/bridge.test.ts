// The bridging commands as a person runs them: flags, lines, signals, the summary. Over a fabric in this process.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { createFabricTransport } from '@caisson/link/transport';
import { Command } from 'commander';
import { register as registerBridge } from './bridge.ts';
import { register as registerIpToVsock } from './ip-to-vsock.ts';
import { register as registerVsockToIp } from './vsock-to-ip.ts';

const enclaveCid = toCid(16);
const enclavePort = toVsockPort(8080);

interface Run {
  readonly folder: string;
  readonly finished: Promise<void>;
  /** All of stdout or stderr so far. */
  text(stream: 'stdout' | 'stderr'): string;
  /** Resolves with the match once `pattern` has been written. */
  said(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray>;
  stop(): void;
  reload(): void;
}

function run(t: TestContext, folder: string, name: string, words: readonly string[]): Run {
  const stop = new AbortController();
  const reloads: (() => void)[] = [];
  const output = { stdout: new PassThrough(), stderr: new PassThrough() };
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    output[stream].on('data', (chunk) => {
      text[stream] += chunk;
    });
  }
  const surroundings = {
    stdin: new PassThrough(),
    ...output,
    env: { CAISSON_VSOCK: `fabric:${folder}`, LOG_LEVEL: 'debug' },
    name,
    stop: stop.signal,
    onReload: (listener: () => void) => void reloads.push(listener),
  };
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  for (const register of [registerBridge, registerIpToVsock, registerVsockToIp]) register(program, surroundings);
  const finished = program.parseAsync([...words], { from: 'user' }).then(() => {});
  // A test that expects a refusal looks at `finished` itself.
  finished.catch(() => {});
  t.after(async () => {
    stop.abort();
    await finished.catch(() => {});
  });
  return {
    folder,
    finished,
    text: (stream) => text[stream],
    async said(stream, pattern) {
      for (let match = pattern.exec(text[stream]); ; match = pattern.exec(text[stream])) {
        if (match !== null) return match;
        const ended = finished.then(() => assert.fail(`ended without ${pattern}: ${text.stdout}${text.stderr}`));
        await Promise.race([once(output[stream], 'data'), ended]);
      }
    },
    stop: () => stop.abort('SIGTERM'),
    reload: () => {
      for (const listener of reloads) listener();
    },
  };
}

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** An echo service at vsock:16:8080 of the fabric. */
async function serveEnclave(t: TestContext, folder: string): Promise<void> {
  const transport = createFabricTransport({ directory: folder, localCid: enclaveCid });
  const listener = await transport.listen({ cid: enclaveCid, port: enclavePort }, {}, (socket) => socket.pipe(socket));
  t.after(() => listener.close());
}

async function serveTcp(t: TestContext): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function echoOver(socket: Socket): Promise<string> {
  let got = '';
  socket.on('data', (chunk) => {
    got += chunk;
  });
  socket.end('hello');
  await once(socket, 'end');
  return got;
}

async function echoAt(port: number): Promise<string> {
  return echoOver(connect({ host: '127.0.0.1', port, allowHalfOpen: true }));
}

test('says where it listens with the port that the kernel chose, carries, and sums up when it is stopped', async (t) => {
  const folder = makeFolder(t);
  await serveEnclave(t, folder);
  const words = ['bridge', '--listen', 'tcp:127.0.0.1:0', '--dial', 'vsock:16:8080'];
  const bridge = run(t, folder, 'caisson', words);
  const [, port = ''] = await bridge.said(
    'stdout',
    /^listening on tcp:127\.0\.0\.1:(\d+), dialling vsock:16:8080 \(\w+\)$/m,
  );
  assert.equal(await echoAt(Number(port)), 'hello');
  const [, line = ''] = await bridge.said('stderr', /(.*BRIDGE_CLOSED.*)/);
  const { code, fields } = JSON.parse(line);
  assert.equal(code, 'BRIDGE_CLOSED');
  assert.deepEqual([fields.forwardBytes, fields.backwardBytes, fields.target], [5, 5, 'vsock:16:8080']);
  bridge.stop();
  await bridge.finished;
  assert.match(
    bridge.text('stdout'),
    /carried 1 connections \(0 refused, 0 failed\): 5 bytes forward, 5 bytes backward\n$/,
  );
});

test('prints exactly one JSON document on stdout with --json', async (t) => {
  const folder = makeFolder(t);
  await serveEnclave(t, folder);
  const bridge = run(t, folder, 'caisson', [
    ...['bridge', '--json', '--max-connections', '7', '--idle-timeout', '90s'],
    ...['--rule', 'listen=tcp:127.0.0.1:0,dial=vsock:16:8080,name=in'],
    ...['--rule', 'listen=vsock:any:9000,dial=tcp:127.0.0.1:9,name=egress'],
  ]);
  const [, line = ''] = await bridge.said('stderr', /(.*BRIDGE_LISTENING.*"in".*)/);
  const { fields } = JSON.parse(line);
  assert.equal(await echoAt(Number(fields.listen.split(':')[2])), 'hello');
  await bridge.said('stderr', /BRIDGE_CLOSED/);
  bridge.stop();
  await bridge.finished;
  const document = JSON.parse(bridge.text('stdout'));
  assert.deepEqual(Object.keys(document), [
    'v',
    'bridges',
    'accepted',
    'refused',
    'failed',
    'forwardBytes',
    'backwardBytes',
  ]);
  assert.deepEqual([document.v, document.accepted, document.forwardBytes], [1, 1, 5]);
  assert.deepEqual(
    document.bridges.map(({ name }: { name: string }) => name),
    ['in', 'egress'],
  );
});

test('reads --rules again on SIGHUP: new ones open, gone ones stop, and a bad file changes nothing', async (t) => {
  const folder = makeFolder(t);
  await serveEnclave(t, folder);
  const rules = join(makeFolder(t), 'rules.json');
  const rule = (name: string): object => ({ name, listen: 'tcp:127.0.0.1:0', dial: 'vsock:16:8080' });
  writeFileSync(rules, JSON.stringify([rule('first')]));
  const bridge = run(t, folder, 'caisson', ['bridge', '--rules', rules]);
  const [, firstPort = ''] = await bridge.said('stdout', /listening on tcp:127\.0\.0\.1:(\d+)/);
  const living = connect({ host: '127.0.0.1', port: Number(firstPort), allowHalfOpen: true });
  living.write('before');
  await once(living, 'data');

  writeFileSync(rules, '[{"listen": "tcp:127.0.0.1:0"}]');
  bridge.reload();
  await bridge.said('stderr', /BRIDGE_RELOAD.*rules\[0\]\.dial must be an address, got nothing/);
  assert.equal(await echoAt(Number(firstPort)), 'hello');

  writeFileSync(rules, JSON.stringify([rule('second')]));
  bridge.reload();
  await bridge.said('stderr', /"opened":1,"stopped":1,"limited":0/);
  const [, secondPort = ''] = await bridge.said('stdout', /listening on .*\n.*listening on tcp:127\.0\.0\.1:(\d+)/);
  assert.equal(await echoAt(Number(secondPort)), 'hello');
  await assert.rejects(echoAt(Number(firstPort)), { code: 'ECONNREFUSED' });
  assert.equal(await echoOver(living), 'hello', 'the old connection lives on');
});

test('ip-to-vsock takes the long flags and the short ones', async (t) => {
  for (const words of [
    ['--listen-ip', '127.0.0.1', '--listen-port', '0', '--vsock-cid', '16', '--vsock-port', '8080'],
    ['-i', '127.0.0.1:0', '-v', '16:8080'],
  ]) {
    const folder = makeFolder(t);
    await serveEnclave(t, folder);
    const bridge = run(t, folder, 'ip-to-vsock', ['ip-to-vsock', ...words]);
    const [, port = ''] = await bridge.said('stdout', /listening on tcp:127\.0\.0\.1:(\d+), dialling vsock:16:8080/);
    assert.equal(await echoAt(Number(port)), 'hello');
    bridge.stop();
    await bridge.finished;
  }
});

test('vsock-to-ip listens on any CID by default and takes the number that means any', async (t) => {
  const port = await serveTcp(t);
  for (const words of [
    ['--vsock-port', '3000', '--target-ip', '127.0.0.1', '--target-port', `${port}`],
    ['-v', '4294967295:3000', '-i', `127.0.0.1:${port}`],
  ]) {
    const folder = makeFolder(t);
    const bridge = run(t, folder, 'vsock-to-ip', ['vsock-to-ip', ...words]);
    await bridge.said('stdout', /listening on vsock:any:3000, dialling tcp:127\.0\.0\.1:\d+/);
    const enclave = createFabricTransport({ directory: folder, localCid: enclaveCid });
    assert.equal(await echoOver(await enclave.connect({ cid: toCid(3), port: toVsockPort(3000) })), 'hello');
    bridge.stop();
    await bridge.finished;
  }
});

test('refuses a command line that cannot be meant, with what is wrong', async (t) => {
  const folder = makeFolder(t);
  const faults: readonly (readonly [words: string, message: RegExp])[] = [
    ['bridge', /nothing to carry: give --listen and --dial, --rule or --rules/],
    ['bridge --listen tcp:127.0.0.1:0', /--listen and --dial belong together/],
    ['bridge --listen tcp:127.0.0.1:0 --dial vsock:any:1', /bridge dial must name one CID, got any/],
    ['bridge --listen tcp:127.0.0.1:0 --dial tcp:169.254.169.254:80', /must not dial 169\.254\.169\.254, a metadata/],
    [
      'bridge --rule listen=tcp:127.0.0.1:0,dial=vsock:16:1,speed=9',
      /--rule 1 must have only the fields .*, got "speed"/,
    ],
    ['bridge --rules /nonexistent/rules.json', /cannot read rules file \/nonexistent\/rules\.json: ENOENT/],
    [
      'bridge --listen tcp:127.0.0.1:0 --dial vsock:16:1 --max-connections 0',
      /maxConnections must be .* 1\.\.65536, got 0/,
    ],
    ['bridge --listen tcp:127.0.0.1:0 --dial vsock:16:1 --idle-timeout 5', /--idle-timeout must be a Go duration/],
    ['bridge --listen tcp:127.0.0.1:0 --dial vsock:16:1 --peer-cid x', /--peer-cid must be an integer/],
    ['ip-to-vsock -i 127.0.0.1:0 --listen-port 1 -v 16:1', /--ip-addr says all; it cannot stand beside --listen-ip/],
    ['ip-to-vsock -i 127.0.0.1:0', /give --vsock-cid and --vsock-port, or --vsock-addr CID:PORT/],
    ['ip-to-vsock -i 127.0.0.1:0 -v 4294967295:1', /dial must name one CID, got any/],
    ['vsock-to-ip -v 3:1', /give --target-ip and --target-port, or --ip-addr IP:PORT/],
    ['vsock-to-ip -v 3:1 -i 127.0.0.1', /--ip-addr must be tcp:HOST:PORT/],
  ];
  for (const [words, message] of faults) {
    await assert.rejects(run(t, folder, 'caisson', words.split(' ')).finished, { message }, words);
  }
});

test('fails when a listener cannot be had, and opens none of the others', async (t) => {
  const folder = makeFolder(t);
  const port = await serveTcp(t);
  const words = [
    '--rule',
    'listen=vsock:any:9000,dial=vsock:16:1',
    '--rule',
    `listen=tcp:127.0.0.1:${port},dial=vsock:16:1`,
  ];
  const bridge = run(t, folder, 'caisson', ['bridge', ...words]);
  await assert.rejects(bridge.finished, { code: 'BRIDGE_LISTEN' });
  const enclave = createFabricTransport({ directory: folder, localCid: enclaveCid });
  await assert.rejects(enclave.connect({ cid: toCid(3), port: toVsockPort(9000) }), { code: 'ECONNREFUSED' });
});

// argonaut on the command line, under its own name and as part of caisson: usage, exit codes, log lines, config on its way.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { run } from './run.ts';

interface Started {
  readonly ended: Promise<{ readonly code: number; readonly stdout: Buffer; readonly stderr: string }>;
  /** Resolves when `text` has been written to stderr. */
  said(text: string): Promise<void>;
  stop(reason: string): void;
}

interface Place {
  readonly name?: string;
  readonly stdin?: Uint8Array | string;
  readonly env?: Record<string, string>;
}

function start(words: readonly string[], { name = 'argonaut', stdin = '', env = {} }: Place = {}): Started {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const written = { stdout: [] as Buffer[], stderr: '' };
  stdout.on('data', (chunk: Buffer) => void written.stdout.push(chunk));
  stderr.on('data', (chunk: Buffer) => (written.stderr += chunk.toString()));
  const stop = new AbortController();
  const surroundings = {
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout,
    stderr,
    env,
    name,
    stop: stop.signal,
    onReload: () => {},
  };
  return {
    ended: run(words, surroundings).then((code) => ({
      code,
      stdout: Buffer.concat(written.stdout),
      stderr: written.stderr,
    })),
    said: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!written.stderr.includes(text)) return;
          stderr.off('data', look);
          resolve();
        };
        stderr.on('data', look);
        look();
      }),
    stop: (reason) => stop.abort(reason),
  };
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const usage =
  /^Usage:\n {2}argonaut host <cid> <config-file>\n {2}argonaut enclave .*\n {2}argonaut config send <cid> <vsock-port> .*\n {2}argonaut config recv <vsock-port> .*\n {2}argonaut nsm .*\n$/;

test('argonaut answers a wrong command line with its usage on stderr and exit code 1', async () => {
  const lines = [
    '',
    'host',
    'host 16',
    'host 16 a b',
    'nope',
    'config',
    'config send 16',
    'config recv',
    'config recv 1 2',
    'enclave x',
    'nsm x',
    'nsm serve --socket x',
    'config check x --mode host',
    'bridge',
    'host --bogus 16 x',
  ];
  for (const line of lines) {
    const { code, stdout, stderr } = await start(line.split(' ').filter((word) => word !== '')).ended;
    assert.equal(code, 1, line);
    assert.equal(stdout.length, 0, line);
    assert.match(stderr, usage, line);
  }
});

test('argonaut ends a fatal error with one line on stderr and exit code 1', async (t) => {
  const bad = join(folderOf(t), 'bad.json');
  writeFileSync(
    bad,
    '{"httpPort":1,"httpVsockPort":2,"endpoints":[{"host":"a","vsockPort":1},{"host":"A","vsockPort":2}]}',
  );
  const cases: readonly [string, string, RegExp][] = [
    ['host x f', '', /^argonaut: invalid enclave CID: x /],
    ['host 4294967296 f', '', /^argonaut: invalid enclave CID: 4294967296 /],
    ['host 16 /none', '', /^argonaut: cannot read config file \/none: ENOENT\n$/],
    [
      `host 16 ${bad}`,
      '',
      /^argonaut: invalid host config: endpoints\[1\]\.host duplicates endpoints\[0\]\.host, got a\n$/,
    ],
    [
      'enclave',
      '{"endpoints":[]}',
      /^argonaut: invalid enclave config: httpVsockPort must be an integer in 1\.\.65535, got nothing\n$/,
    ],
    [
      'enclave',
      '',
      /^argonaut: invalid enclave config: JSON text must have a value here, got the end at byte 0, line 1, column 1\n$/,
    ],
    ['config send 16 x', '', /^argonaut: invalid VSOCK port: x /],
    ['config send y 7777', '', /^argonaut: invalid CID: y /],
    ['config recv -- -1', '', /^argonaut: invalid VSOCK port: -1 /],
  ];
  for (const [line, stdin, message] of cases) {
    const { code, stdout, stderr } = await start(line.split(' '), { stdin }).ended;
    assert.equal(code, 1, line);
    assert.equal(stdout.length, 0, line);
    assert.match(stderr, message, line);
    assert.equal(stderr.split('\n').length, 2, line);
  }
});

test('caisson ends the same mistakes with 64 when they are in the command line and 1 when they are in a file', async () => {
  assert.equal((await start(['host', 'x', 'f'], { name: 'caisson' }).ended).code, 64);
  assert.equal((await start(['host', '16', 'f', '--config-timeout', '5'], { name: 'caisson' }).ended).code, 64);
  assert.equal((await start(['config', 'send'], { name: 'caisson' }).ended).code, 64);
  assert.equal((await start(['host', '16', '/none'], { name: 'caisson' }).ended).code, 1);
});

test('config send and config recv carry any bytes unchanged over vsock', async (t) => {
  const CAISSON_VSOCK = `fabric:${folderOf(t)}`;
  const bytes = Buffer.from(Array.from({ length: 1 << 20 }, (_, index) => (index * 31) & 0xff));
  const receiver = start(['config', 'recv', '9999'], { env: { CAISSON_VSOCK, CAISSON_CID: '16' } });
  let sent: { code: number; stderr: string };
  // The receiver has no line to say that it listens; a refused sender is sent again.
  do sent = await start(['config', 'send', '16', '9999'], { env: { CAISSON_VSOCK }, stdin: bytes }).ended;
  while (sent.code !== 0 && sent.stderr.includes('ECONNREFUSED'));
  assert.equal(sent.code, 0, sent.stderr);
  assert.match(
    sent.stderr,
    /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[host\] config sent \(1048576 bytes\) to CID 16 via VSOCK:9999\n$/,
  );
  const received = await receiver.ended;
  assert.equal(received.code, 0);
  assert.equal(received.stderr, '');
  assert.deepEqual(received.stdout, bytes);
  const large = await start(['config', 'send', '16', '9999'], {
    env: { CAISSON_VSOCK },
    stdin: Buffer.alloc((1 << 20) + 1),
  }).ended;
  assert.equal(large.code, 1);
  assert.match(large.stderr, /config on stdin must have at most 1048576 bytes, got more/);
});

test('host and enclave log in argonaut’s form and end by the signal that stopped them', async (t) => {
  const folder = folderOf(t);
  const CAISSON_VSOCK = `fabric:${mkdtempSync(join(folder, 'v-'))}`;
  const text = '{"httpVsockPort":3000,"httpTcpPort":3001,"endpoints":[]}';
  const words = ['enclave', '--hosts-file', join(folder, 'hosts')];
  const enclave = start(words, {
    env: { CAISSON_VSOCK, CAISSON_CID: '16', ARGONAUT_MAX_CONNECTIONS: '-1' },
    stdin: text,
  });
  await enclave.said('[traffic] ready');
  enclave.stop('SIGTERM');
  const { code, stderr } = await enclave.ended;
  assert.equal(code, 143);
  assert.deepEqual(stderr.replaceAll(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /gm, '').split('\n'), [
    'invalid ARGONAUT_MAX_CONNECTIONS="-1"; using 1024',
    '[traffic] inbound VSOCK:3000 → TCP:127.0.0.1:3001',
    '[traffic] ready',
    '',
  ]);
  const file = join(folder, 'c.json');
  writeFileSync(file, '{"httpPort":1,"httpVsockPort":2,"endpoints":[]}');
  const host = start(['host', '16', file], { env: { CAISSON_VSOCK } });
  await host.said('waiting up to 30s for CID 16 via VSOCK:7777');
  host.stop('SIGINT');
  assert.equal((await host.ended).code, 130);
});

test('host ends with 3 under caisson and 1 under argonaut when the enclave does not take its config in time', async (t) => {
  const folder = folderOf(t);
  const env = { CAISSON_VSOCK: `fabric:${mkdtempSync(join(folder, 'v-'))}` };
  const file = join(folder, 'c.json');
  writeFileSync(file, '{"httpPort":1,"httpVsockPort":2,"endpoints":[]}');
  const words = ['host', '16', file, '--config-timeout', '50ms'];
  for (const [name, code] of [
    ['caisson', 3],
    ['argonaut', 1],
  ] as const) {
    const ended = await start(words, { name, env }).ended;
    assert.equal(ended.code, code, ended.stderr);
    assert.ok(ended.stderr.includes(`${name}: CID 16 via VSOCK:7777 did not take the config within 50ms\n`));
  }
});

test('config check lists every fault with its path, as text and as one JSON document', async (t) => {
  const file = join(folderOf(t), 'c.json');
  writeFileSync(file, '{"httpPort":0,"httpVsockPort":1,"endpoints":[{"host":"a b","vsockPort":70000}]}');
  const faults = [
    { path: 'httpPort', message: 'httpPort must be an integer in 1..65535, got 0' },
    {
      path: 'endpoints[0].host',
      message: 'endpoints[0].host must contain only letters, digits, ".", "_" and "-", got " " at 1',
    },
    { path: 'endpoints[0].vsockPort', message: 'endpoints[0].vsockPort must be an integer in 1..65535, got 70000' },
  ];
  const check = (...words: string[]) => start(['config', 'check', ...words, file], { name: 'caisson' }).ended;
  const people = await check('--mode', 'host');
  assert.equal(people.code, 1);
  assert.equal(people.stdout.toString(), faults.map(({ message }) => `${message}\n`).join(''));
  const json = await check('--mode', 'host', '--json');
  assert.equal(json.code, 1);
  assert.deepEqual(JSON.parse(json.stdout.toString()), { v: 1, mode: 'host', ok: false, faults, warnings: [] });
  assert.equal((await check()).code, 64);
  assert.equal((await check('--mode', 'both')).code, 64);
  writeFileSync(file, '{"httpPort":1,"httpVsockPort":1,"endpoints":[{"host":"localhost","vsockPort":7}]}');
  const good = await check('--mode', 'host');
  assert.equal(good.code, 0);
  assert.match(
    good.stdout.toString(),
    /^warning: endpoints\[0\]\.host \(localhost\) reaches .+\nok: .+ is a host config\n$/,
  );
  writeFileSync(file, '{"httpPort":1,"httpVsockPort":1,"endpoints":[{"host":"169.254.169.254","vsockPort":7}]}');
  assert.equal((await check('--mode', 'host')).code, 1);
  assert.equal((await check('--mode', 'host', '--allow-metadata')).code, 0);
});

test('nsm answers lines from the simulator, and ends with 0 at the end of its input', async () => {
  const { code, stdout } = await start(['nsm'], {
    env: { CAISSON_NSM: 'sim' },
    stdin: '1 RND\n{"id":"2","method":"ATT","publicKey":"aa"}\n3',
  }).ended;
  assert.equal(code, 0);
  const [random, document, last] = stdout.toString().split('\n');
  assert.match(random ?? '', /^1 OK [0-9a-f]{512}$/);
  assert.match(document ?? '', /^\{"id":"2","ok":true,"data":"8444a1013822a0[0-9a-f]+"\}$/);
  assert.equal(last, '3 ERR invalid_request');
});

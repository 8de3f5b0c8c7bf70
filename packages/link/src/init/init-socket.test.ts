// The control socket of the supervisor: every request of the reference in its own shape, JSON-RPC with the same names, framing as callers
// do it, who may call, and what nobody may say. The supervisor behind it is a stand-in that writes down what it is asked.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { toUtf8, utf8Text } from '@caisson/core/bytes';
import { CaissonError } from '@caisson/core/errors';
import { createLinuxKernel } from '@caisson/sys';
import { laneFigure } from '@caisson/testkit/contract';
import { createFakeControl, type FakeControl } from '@caisson/testkit/fake';
import fc from 'fast-check';
import type { PathServer } from '../nsm/index.ts';
import {
  INIT_VERBS,
  type InitSocketServerOptions,
  MAX_INIT_REQUEST_BYTES,
  openInitClient,
  serveInitSocket,
} from './index.ts';
import { DocumentSplitter } from './split-document.ts';

const root = { pid: 1, uid: 0, gid: 0 };

async function serve(
  context: TestContext,
  options: Partial<InitSocketServerOptions> = {},
): Promise<PathServer & { readonly control: FakeControl }> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-init-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const control = createFakeControl();
  const server = await serveInitSocket({
    path: join(folder, 'init.sock'),
    control,
    peerCredentials: () => root,
    ownerUid: 0,
    ...options,
  });
  context.after(() => server.close());
  return Object.assign(server, { control });
}

/** Everything that comes back after `text` and an end of our side, as `printf ... | socat - UNIX-CONNECT:` does it. */
async function exchange(path: string, text: string | Uint8Array): Promise<string> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.end(text);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer;
}

async function ask(path: string, request: unknown): Promise<unknown> {
  return JSON.parse(await exchange(path, JSON.stringify(request)));
}

const web = { name: 'web', enabled: true, active: true, restart_policy: 'always', restart_count: 2 };
const status = {
  name: 'web',
  enabled: true,
  active: true,
  pid: 42,
  restart_policy: 'always',
  restart_count: 2,
  restart_sec: 5,
  exit_status: 139,
  exec_start: '/bin/web "a b"',
  working_directory: '/app',
  dependencies: { before: [], after: ['db'], requires: ['db'], required_by: [] },
};
const webProcess = {
  pid: 42,
  ppid: 1,
  name: 'web',
  cmdline: '/bin/web a b',
  state: 'S',
  cpu_percent: 1.5,
  memory_kb: 2048,
  start_time: 1_700_000_000,
  managed: true,
  service_name: 'web',
};
const system = {
  uptime_secs: 12,
  total_services: 1,
  active_services: 1,
  enabled_services: 1,
  total_processes: 3,
  log_dir: '/log',
  service_dir: '/etc/caisson',
};
const until = 'until the enclave ends; the image is measured and stays as it is';

// Each request of the reference with what the supervisor is asked and the answer to the letter.
const table: readonly (readonly [request: unknown, asked: string | null, answer: unknown])[] = [
  ['Ping', null, 'Pong'],
  ['ListServices', 'listServices', { ServiceList: { services: [web] } }],
  [{ ServiceList: {} }, 'listServices', { ServiceList: { services: [web] } }],
  [{ ListServices: null }, 'listServices', { ServiceList: { services: [web] } }],
  [{ ServiceStatus: { name: 'web' } }, 'serviceStatus web', { ServiceStatus: { status } }],
  [{ ServiceStatus: { name: 'web.service' } }, 'serviceStatus web', { ServiceStatus: { status } }],
  [{ ServiceStart: { name: 'web' } }, 'startService web', { Success: { message: 'service web started' } }],
  [{ ServiceStop: { name: 'web' } }, 'stopService web', { Success: { message: 'service web stopped' } }],
  [{ ServiceRestart: { name: 'web' } }, 'restartService web', { Success: { message: 'service web restarted' } }],
  [{ ServiceEnable: { name: 'web' } }, 'enableService web', { Success: { message: `service web enabled ${until}` } }],
  [
    { ServiceDisable: { name: 'web' } },
    'disableService web',
    { Success: { message: `service web disabled ${until}` } },
  ],
  [{ ServiceLogs: { name: 'web' } }, 'serviceLogs web 50', { ServiceLogs: { logs: ['[2023-11-14 22:13:20] hello'] } }],
  [
    { ServiceLogs: { name: 'web', lines: 3 } },
    'serviceLogs web 3',
    { ServiceLogs: { logs: ['[2023-11-14 22:13:20] hello'] } },
  ],
  [{ ServiceLogsClear: { name: 'web' } }, 'clearLogs web', { Success: { message: 'logs of web cleared' } }],
  [
    { ServiceLogsStream: { name: 'web', vsock_cid: 3, vsock_port: 9100 } },
    null,
    {
      Error: {
        message:
          'log of web cannot be sent to vsock 3:9100: lines come over the connection that asks (leave vsock_cid and vsock_port out; from outside use the control channel)',
      },
    },
  ],
  [
    { ServiceLogsStreamStop: { name: 'web' } },
    null,
    { Error: { message: 'no log of web is followed on this connection' } },
  ],
  ['ProcessList', 'listProcesses', { ProcessList: { processes: [webProcess] } }],
  [{ ProcessStatus: { pid: 42 } }, 'processStatus 42', { ProcessStatus: { process: webProcess } }],
  [
    { ProcessStart: { command: '/bin/x', args: ['a', ''], env: ['A=1'] } },
    'startProcess /bin/x,a,|A=1',
    { ProcessStarted: { pid: 77, message: 'process /bin/x started' } },
  ],
  [{ ProcessStop: { pid: 42 } }, 'stopProcess 42', { Success: { message: 'process 42 asked to stop' } }],
  [{ ProcessRestart: { pid: 42 } }, 'restartProcess 42', { Success: { message: 'process 42 restarted as 78' } }],
  [
    { ProcessKill: { pid: 42, signal: 9 } },
    'killProcess 42 9',
    { Success: { message: 'signal 9 sent to process 42' } },
  ],
  [
    { ProcessKill: { pid: 42, signal: 'SIGHUP' } },
    'killProcess 42 1',
    { Success: { message: 'signal 1 sent to process 42' } },
  ],
  ['SystemStatus', 'systemStatus', { SystemStatus: { status: system } }],
  [
    'SystemReload',
    'reload',
    { Success: { message: 'services read again: 1 added, 0 removed, 0 changed, 4 untouched' } },
  ],
  ['SystemReboot', 'reboot', { Success: { message: 'the enclave stops its services and ends' } }],
  ['SystemShutdown', 'shutdown', { Success: { message: 'the enclave stops its services and ends' } }],
];

test('answers every request of the reference in exactly its shape', async (context) => {
  const { path, control } = await serve(context);
  const seen = new Set<string>();
  for (const [request, asked, answer] of table) {
    control.asked.length = 0;
    assert.deepEqual(await ask(path, request), answer, JSON.stringify(request));
    assert.deepEqual(control.asked, asked === null ? [] : [asked], JSON.stringify(request));
    seen.add(typeof request === 'string' ? request : (Object.keys(request as object)[0] ?? ''));
  }
  for (const verb of INIT_VERBS) assert.ok(seen.has(verb), `${verb} stands in no row`);
});

test('takes the same names as methods of JSON-RPC 2.0, with params by name or place, batches and notifications', async (context) => {
  const { path, control } = await serve(context);
  const call = (method: string, params?: unknown, id: unknown = 1) => ({ jsonrpc: '2.0', id, method, params });
  assert.deepEqual(await ask(path, call('Ping')), { jsonrpc: '2.0', id: 1, result: 'Pong' });
  const list = (await ask(path, call('ServiceList', {}, 'x'))) as { id: string; result: { services: unknown[] } };
  assert.deepEqual(list, {
    jsonrpc: '2.0',
    id: 'x',
    result: { services: [{ ...web, phase: 'ready', uptime_ms: 1500, reason: null, status_text: null }] },
  });
  const logs = {
    jsonrpc: '2.0',
    id: null,
    result: { logs: ['[2023-11-14 22:13:20] hello'], times_ms: [1_700_000_000_000] },
  };
  assert.deepEqual(await ask(path, call('ServiceLogs', ['web', 7], null)), logs);
  assert.equal(control.asked.at(-1), 'serviceLogs web 7');

  const failed = { code: -32_000, message: 'service ghost does not exist', data: { code: 'INIT_SERVICE_UNKNOWN' } };
  assert.deepEqual(await ask(path, call('ServiceStart', { name: 'ghost' })), { jsonrpc: '2.0', id: 1, error: failed });
  for (const [request, code] of [
    [call('Nope'), -32_601],
    [call('toString'), -32_601],
    [call('ServiceStart', { name: '../x' }), -32_602],
    [call('ServiceStart', { name: 'web', now: true }), -32_602],
    [call('ServiceStart', ['web', 'web']), -32_602],
    [call('ServiceStatus', { name: 'broken' }), -32_603],
    [{ jsonrpc: '2.0', id: 1 }, -32_600],
    [{ jsonrpc: '1.0', id: 1, method: 'Ping' }, -32_600],
    [{ jsonrpc: '2.0', id: {}, method: 'Ping' }, -32_600],
    [{ jsonrpc: '2.0', id: 1, method: 'Ping', params: 'x' }, -32_600],
    [[], -32_600],
    [Array(65).fill(call('Ping')), -32_600],
  ] as const) {
    const answer = (await ask(path, request)) as { error: { code: number; message: string } };
    assert.equal(answer.error?.code, code, JSON.stringify([request, answer]));
    assert.doesNotMatch(answer.error.message, /secret/);
  }

  control.asked.length = 0;
  assert.equal(
    await exchange(path, JSON.stringify({ jsonrpc: '2.0', method: 'ServiceStop', params: { name: 'web' } })),
    '',
  );
  assert.equal(
    await exchange(path, JSON.stringify({ jsonrpc: '2.0', method: 'ServiceStop', params: { name: '/' } })),
    '',
  );
  assert.deepEqual(control.asked, ['stopService web']);
  const batch = [call('Ping', undefined, 1), { jsonrpc: '2.0', method: 'Ping' }, 3, call('Ping', undefined, 2)];
  const answers = (await ask(path, batch)) as { id: unknown; error?: { code: number } }[];
  assert.deepEqual(
    answers.map(({ id, error }) => [id, error?.code]),
    [
      [1, undefined],
      [null, -32_600],
      [2, undefined],
    ],
  );
});

test('answers each document of a connection once and in order: framed by newlines, joined, or one without an end', async (context) => {
  const { path } = await serve(context);
  const three = '"Ping"\n\r\n {"ServiceStop":\n{"name":"web"}}\n["x"]{"ServiceList":{}}"Ping"\nnonsense\n"Ping"';
  const answers = (await exchange(path, three))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    answers.map((one) => (typeof one === 'string' ? one : Object.keys(one)[0])),
    ['Pong', 'Success', 0, 'ServiceList', 'Pong', 'Error', 'Pong'].map((one) => (one === 0 ? '0' : one)),
  );
  // The reference's client sends one document, ends nothing, and reads once.
  const socket = connect({ path });
  context.after(() => socket.destroy());
  socket.write('{"ServiceStatus":{"name":"web"}}');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.deepEqual(JSON.parse(answer.toString()), { ServiceStatus: { status } });
});

test('refuses what is no request, says why, and asks the supervisor nothing', async (context) => {
  const { path, control } = await serve(context);
  for (const text of [
    'nonsense',
    '{"ServiceStart":{"name":"web"}',
    '{"ServiceStart":{"name":"web"},"ServiceStop":{"name":"web"}}',
    '{"ServiceStart":{"name":"web","name":"db"}}',
    '{"ServiceStart":{}}',
    '"ServiceStart"',
    '{"__proto__":{}}',
    '"constructor"',
    '7',
    '"\\ud800',
    '{"ServiceLogs":{"name":"web","lines":0}}',
    '{"ServiceLogs":{"name":"web","lines":10001}}',
    '{"ProcessStart":{"command":""}}',
    '{"ProcessStart":{"command":"a\\u0000b"}}',
    '{"ProcessKill":{"pid":42,"signal":64}}',
    `${'['.repeat(500)}${']'.repeat(500)}`,
  ]) {
    const answer = JSON.parse(await exchange(path, text)) as {
      Error?: { message: string };
      error?: { message: string };
    };
    const message = answer.Error?.message ?? answer.error?.message ?? '';
    assert.match(message, answer.Error === undefined ? /a batch|a call/ : /^Invalid request: /, text);
  }
  assert.deepEqual(control.asked, []);
  assert.match(
    await exchange(path, `"${'x'.repeat(MAX_INIT_REQUEST_BYTES)}"`),
    /Invalid request: document must have at most 65536 bytes/,
  );
  assert.equal(await ask(path, 'Ping'), 'Pong');
});

// T-I1, the half of the socket: names that are paths, pids that mean many, and callers of every uid.
const nasty = fc.oneof(
  fc.constantFrom(
    '..',
    '.',
    '',
    '/',
    '../../etc/passwd',
    '/etc/init.d/web',
    'web/../db',
    'web\0',
    'web\n',
    '-rf',
    '.web',
    'exec-1',
    '..service',
    '../x.service',
    'a'.repeat(64),
    '\u202eweb',
    'wéb',
    '%2e%2e%2f',
    '..\\..',
  ),
  fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => /[^A-Za-z0-9_.@+-]/.test(text)),
);
const nastyPid = fc.oneof(
  fc.constantFrom<unknown>(0, -1, -42, 1.5, 4_194_305, 2 ** 53, '42', null, true, [42]),
  fc.integer({ max: 0 }),
);
const nameVerbs = INIT_VERBS.filter((verb) => verb.startsWith('Service'));
const pidVerbs = ['ProcessStatus', 'ProcessStop', 'ProcessRestart', 'ProcessKill'];

test('T-I1: no traversal name and no group pid reaches the supervisor, whatever verb carries it', async (context) => {
  const { path, control } = await serve(context);
  const request = fc.oneof(
    fc.tuple(fc.constantFrom(...nameVerbs), nasty).map(([verb, name]) => ({ [verb]: { name } })),
    fc
      .tuple(fc.constantFrom(...pidVerbs), nastyPid)
      .map(([verb, pid]) => ({ [verb]: { pid, ...(verb === 'ProcessKill' && { signal: 9 }) } })),
  );
  await fc.assert(
    fc.asyncProperty(request, async (one) => {
      const answer = (await ask(path, one)) as { Error?: { message: string } };
      assert.match(answer.Error?.message ?? '', /^Invalid request: /, JSON.stringify(one));
    }),
    { seed: 6, numRuns: laneFigure('T-I1') },
  );
  assert.deepEqual(control.asked, []);
});

test('T-I1: root and the owner may ask, every other uid is told no and asks nothing', async (context) => {
  let peer: { pid: number; uid: number; gid: number } | undefined = root;
  const refused: (number | undefined)[] = [];
  const { path, control } = await serve(context, {
    ownerUid: 1000,
    peerCredentials: () => peer,
    onRefused: (one) => refused.push(one?.uid),
  });
  assert.equal(lstatSync(path).mode & 0o777, 0o600);
  for (const uid of [0, 1000]) {
    peer = { pid: 9, uid, gid: 0 };
    assert.equal(await ask(path, 'Ping'), 'Pong');
  }
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 0xffffffff }).filter((uid) => uid !== 1000),
      fc.constantFrom<unknown>('SystemShutdown', { ServiceStop: { name: 'web' } }, 'ListServices'),
      async (uid, request) => {
        peer = { pid: 9, uid, gid: 0 };
        assert.match(
          await exchange(path, JSON.stringify(request)).catch(() => 'no answer'),
          new RegExp(`uid ${uid} may not|no answer`),
        );
      },
    ),
    { seed: 6, numRuns: laneFigure('T-I1') },
  );
  peer = undefined;
  await assert.rejects(
    openInitClient(path).then((client) => client.call('Ping')),
    { code: 'INIT_SOCKET_REFUSED', message: /whom the kernel does not name may not/ },
  );
  assert.deepEqual([control.asked, refused.at(-1)], [[], undefined]);
});

test('follows a log on the connection that asked, beside other answers, until it is told to stop or its caller ends', async (context) => {
  const { path, control } = await serve(context);
  const socket = connect({ path, allowHalfOpen: true });
  context.after(() => socket.destroy());
  const lines = readLines(socket);
  socket.write('{"ServiceLogsStream":{"name":"web"}}');
  assert.deepEqual(await lines(), { LogsStreamStarted: { service: 'web' } });
  control.say('web', 'one');
  const first = {
    service: 'web',
    time_ms: 1_700_000_000_000,
    stream: 'out',
    text: 'one',
    line: '[2023-11-14 22:13:20] one',
  };
  assert.deepEqual(await lines(), { LogLine: first });
  socket.write('{"ServiceLogsStream":{"name":"web"}}"Ping"');
  assert.deepEqual(await lines(), { Error: { message: 'log of web is already followed on this connection' } });
  assert.equal(await lines(), 'Pong');
  socket.write('{"ServiceLogsStreamStop":{"name":"web"}}');
  assert.deepEqual(await lines(), { Success: { message: 'log of web is no longer followed' } });
  assert.equal(control.followers(), 0);

  const other = connect({ path, allowHalfOpen: true });
  const heard = readLines(other);
  other.end('{"jsonrpc":"2.0","id":1,"method":"ServiceLogsStream","params":["web"]}');
  assert.deepEqual(await heard(), { jsonrpc: '2.0', id: 1, result: { service: 'web' } });
  await once(other, 'close');
  assert.equal(control.followers(), 0);
});

function readLines(socket: Socket): () => Promise<unknown> {
  const splitter = new DocumentSplitter(1 << 20);
  const ready: unknown[] = [];
  let wake = (): void => {};
  socket.on('data', (chunk) => {
    for (const one of splitter.push(chunk as unknown as Uint8Array)) ready.push(JSON.parse(utf8Text(one)));
    wake();
  });
  return async () => {
    while (ready.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return ready.shift();
  };
}

test('a follower who does not read loses lines, is told how many, and stops nobody', async (context) => {
  const { path, control } = await serve(context);
  const slow = connect({ path });
  context.after(() => slow.destroy());
  slow.write('{"ServiceLogsStream":{"name":"web"}}');
  await once(slow, 'data');
  slow.pause();
  let said = 0;
  const say = (): void => control.say('web', `${said++} ${'x'.repeat(8_000)}`);
  for (let count = 0; count < 1_000; count += 1) say();
  assert.equal(await ask(path, 'Ping'), 'Pong');
  const heard = readLines(slow);
  slow.resume();
  // Only a line that is taken brings the count of those before it that were not.
  const talk = setInterval(say, 5);
  context.after(() => clearInterval(talk));
  let kept = 0;
  let message = (await heard()) as { LogLine?: { text: string }; LogLinesLost?: { count: number } };
  for (; message.LogLine !== undefined; kept += 1) {
    assert.equal(Number.parseInt(message.LogLine.text, 10), kept);
    message = (await heard()) as typeof message;
  }
  const next = (await heard()) as typeof message;
  assert.equal(message.LogLinesLost?.count, Number.parseInt(next.LogLine?.text ?? '', 10) - kept);
  assert.ok(kept > 10 && kept < 1_000, `${kept} lines were kept`);
});

test('an answer may be of any size, and a caller who does not take it is cut off alone', async (context) => {
  const logs = Array.from({ length: 10_000 }, () => 'y'.repeat(500));
  const patient = await serve(context);
  patient.control.logs = logs;
  const answer = (await ask(patient.path, { ServiceLogs: { name: 'web', lines: 10_000 } })) as {
    ServiceLogs: { logs: string[] };
  };
  assert.equal(answer.ServiceLogs.logs.length, 10_000);
  const { path, control } = await serve(context, { documentTimeoutMs: 1_000 });
  control.logs = logs;
  const stuck = connect({ path });
  stuck.on('error', () => {});
  const cutOff = once(stuck, 'close');
  stuck.write('{"ServiceLogs":{"name":"web","lines":10000}}');
  stuck.pause();
  assert.equal(await ask(path, 'Ping'), 'Pong');
  const half = connect({ path, allowHalfOpen: true });
  half.on('error', () => {});
  half.write('{"ServiceLogs"');
  half.resume();
  await once(half, 'end');
  half.destroy();
  stuck.resume();
  await cutOff;
});

test('the client calls one after another, tells refusals from broken lines, and ends a log when it is told to', async (context) => {
  const { path, control, close } = await serve(context);
  const client = await openInitClient(path);
  assert.equal(await client.call('Ping'), 'Pong');
  await assert.rejects(client.call('ServiceStop', { name: 'ghost' }), (error) => {
    assert.ok(error instanceof CaissonError);
    assert.deepEqual([error.code, error.message], ['INIT_SOCKET_REFUSED', 'service ghost does not exist']);
    return true;
  });
  const stop = new AbortController();
  const heard: string[] = [];
  await client.follow(
    'web',
    ({ line }) => {
      heard.push(line);
      stop.abort();
    },
    stop.signal,
    () => control.say('web', 'hi'),
  );
  assert.deepEqual(heard, ['[2023-11-14 22:13:20] hi']);
  const waiting = client.call('ServiceLogs', { name: 'slow' });
  await close();
  await assert.rejects(waiting, { code: /INIT_SOCKET_ANSWER|ECONNRESET/ });
  await assert.rejects(client.call('Ping'));
  await assert.rejects(openInitClient(path), { code: 'ENOENT' });
});

test('any split of any documents gives the same documents', () => {
  const document = fc.oneof(fc.json(), fc.constantFrom('"Ping"', '{"a":"}\\"]"}', '["\\\\"]'));
  fc.assert(
    fc.property(
      fc.array(
        document.filter((text) => /^["{[]/.test(text)),
        { maxLength: 5 },
      ),
      fc.integer({ min: 1, max: 7 }),
      (documents, size) => {
        const bytes = toUtf8(documents.join('\n'));
        const splitter = new DocumentSplitter(1 << 16);
        const found: string[] = [];
        for (let at = 0; at < bytes.length; at += size) {
          for (const one of splitter.push(bytes.subarray(at, at + size))) found.push(utf8Text(one));
        }
        assert.deepEqual(found, documents);
        assert.equal(splitter.end(), undefined);
      },
    ),
    { seed: 6, numRuns: 500 },
  );
});

const kernel = createLinuxKernel();
const canAsk = kernel.hasAddon && process.getuid?.() === 0;
test('the kernel says who has connected: root may, and another uid may not even where the file would let it', {
  skip: canAsk ? false : 'needs root and the addon, to become another uid',
}, async (context) => {
  const { path, control } = await serve(context, { peerCredentials: (socket) => kernel.peerCredentials(socket) });
  assert.equal(await ask(path, 'Ping'), 'Pong');
  const script = `
    process.setgid(65534); process.setuid(65534);
    const socket = require('node:net').connect({ path: process.argv[1] });
    socket.on('error', ({ code }) => console.log(code)).on('data', (chunk) => console.log(String(chunk)));
    socket.end('"SystemShutdown"');`;
  const run = async (): Promise<string> => {
    const child = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    for await (const chunk of child.stdout) said += chunk;
    return said;
  };
  chmodSync(dirname(path), 0o755);
  assert.equal((await run()).trim(), 'EACCES');
  // The first lock taken away by hand, so that the second is seen.
  chmodSync(path, 0o666);
  assert.match(await run(), /uid 65534 may not control this enclave/);
  assert.deepEqual(control.asked, []);
});

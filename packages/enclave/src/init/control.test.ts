// What the control surface answers and refuses, on a fake PID 1; and the small readers it stands on.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { silentLog } from '@caisson/core/log';
import type { MeasuredService, Readiness } from '@caisson/core/measured';
import type { Control } from '@caisson/link/init';
import { serveHealth } from '@caisson/link/ready';
import { createFabricTransport, type Transport } from '@caisson/link/transport';
import { measuredService } from '@caisson/testkit/boot';
import { createFakeClock, createFakeProcessHost, type FakeProgram } from '@caisson/testkit/fake';
import fc from 'fast-check';
import { findAccount } from './account.ts';
import { createControl } from './control.ts';
import { isReadyNow, type Looked } from './probe/attempt.ts';
import { parseNotifyLines } from './probe/notify-line.ts';
import { parseProcess, readProcess } from './process-list.ts';
import { Supervisor } from './supervisor.ts';

const root = mkdtempSync(join(tmpdir(), 'caisson-control-'));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

/** Slow to try again, quick to give up. */
const service = (name: string, terms: Partial<MeasuredService> = {}): MeasuredService =>
  measuredService(name, {
    restart: 'no',
    startLimit: { count: 5, windowMs: 10_000 },
    readyTimeoutMs: 1_000,
    stopTimeoutMs: 1_000,
    ...terms,
  });

async function arrange(services: readonly MeasuredService[], program?: (name: string) => FakeProgram | undefined) {
  folders += 1;
  const folder = join(root, `${folders}`);
  mkdirSync(join(folder, 'log'), { recursive: true });
  const clock = createFakeClock();
  const host = createFakeProcessHost({ program: ({ name }) => program?.(name) ?? { kind: 'runs' } });
  let measured: readonly MeasuredService[] = services;
  const ends: string[] = [];
  const kills: string[] = [];
  const init = {
    v: 1,
    logDir: join(folder, 'words'),
    maxLogBytes: 1e6,
    maxLogFiles: 2,
    environment: {},
    controlSocket: null,
  } as const;
  const supervisor = new Supervisor({
    services,
    init,
    host,
    clock,
    log: silentLog,
    runFolder: folder,
    random: () => 0.5,
    kernel: { listenDatagram: () => ({ close() {} }) },
    transport: {} as Transport,
    reporter: { report() {}, lastWords() {} },
    terms: { configEnvironment: {}, ownEnvironment: {}, configPath: null, hasCgroups: false, ownProgram: () => [] },
  });
  const control: Control = createControl({
    supervisor,
    host,
    clock,
    bootId: 'ab'.repeat(16),
    logDir: init.logDir,
    startedMs: clock.now(),
    allowedVariables: ['LEVEL'],
    readServices: async () => measured,
    end: (code) => void ends.push(code),
    kill: (pid, signal) => void kills.push(`${pid} ${signal}`),
  });
  await supervisor.start();
  await clock.settle();
  const rewrite = (next: readonly MeasuredService[]): void => {
    measured = next;
  };
  return { host, clock, supervisor, control, ends, kills, rewrite };
}

test('lists services with their process, their restarts and how the last one ended', async () => {
  const { host, clock, control } = await arrange([
    service('web', { restart: 'always' }),
    service('aid', { enabled: false }),
  ]);
  await clock.advance(500);
  host.finish('web', { kind: 'signal', signal: 11, dumped: false });
  await clock.advance(200);
  const [web, aid] = control.listServices();
  assert.deepEqual(
    { name: web?.name, phase: web?.phase, active: web?.active, pid: web?.pid, count: web?.restartCount, end: web?.end },
    {
      name: 'web',
      phase: 'ready',
      active: true,
      pid: 101,
      count: 1,
      end: { kind: 'signal', signal: 11, dumped: false },
    },
  );
  assert.deepEqual([aid?.enabled, aid?.phase, aid?.pid, aid?.uptimeMs], [false, 'down', null, null]);
});

test('a service is started with what it requires, and the call ends when it runs', async () => {
  const services = [service('db', { enabled: false }), service('web', { enabled: false, requires: ['db'] })];
  const { host, control } = await arrange(services);
  await assert.rejects(control.startService('web'), {
    code: 'INIT_SERVICE_DISABLED',
    message: 'service web is disabled',
  });
  await control.enableService('web');
  assert.deepEqual(host.running(), []);
  await control.startService('web');
  assert.deepEqual(host.running(), ['db', 'web']);
  await assert.rejects(control.startService('web'), { code: 'INIT_SERVICE_RUNNING' });
});

test('a start that fails says why', async () => {
  const program = (name: string): FakeProgram | undefined =>
    name === 'web' ? { kind: 'fails', code: 'ENOENT' } : undefined;
  const { control } = await arrange([service('web'), service('page', { requires: ['web'] })], program);
  await assert.rejects(control.startService('web'), {
    code: 'INIT_SERVICE_FAILED',
    message: 'service web did not come up: service-failed',
  });
  await assert.rejects(control.startService('page'), { code: 'INIT_SERVICE_FAILED' });
});

test('a stop takes what requires the service first, and ends when it has ended, even when somebody starts it at once', async () => {
  const { host, clock, control } = await arrange([
    service('db'),
    service('web', { requires: ['db'] }),
    service('lone'),
  ]);
  await control.stopService('db');
  assert.deepEqual(host.running(), ['lone']);
  assert.deepEqual(
    host.signals.filter(({ signal }) => signal === 15).map(({ name }) => name),
    ['web', 'db'],
  );
  await assert.rejects(control.stopService('db'), { code: 'INIT_SERVICE_NOT_RUNNING' });
  const stopped = control.stopService('lone');
  const started = control.restartService('lone');
  await clock.advance(100);
  await Promise.all([stopped, started]);
  assert.equal(control.serviceStatus('lone').active, true);
});

test('a stop that somebody takes back before it has begun says so, and waits for nothing', async () => {
  const program = (name: string): FakeProgram | undefined =>
    name === 'web' ? { kind: 'runs', onSignal: () => undefined } : undefined;
  const { control, clock } = await arrange([service('db'), service('web', { requires: ['db'] })], program);
  const refused = assert.rejects(control.stopService('db'), { code: 'INIT_SERVICE_RUNNING' });
  // Its stop waits for that of web, which does not listen.
  const restarted = control.restartService('web');
  await refused;
  await clock.advance(2_000);
  await restarted;
  assert.equal(control.serviceStatus('db').phase, 'ready');
});

test('a restart replaces the process of that service alone', async () => {
  const { host, control } = await arrange([service('db'), service('web', { requires: ['db'] })]);
  const web = host.find('web')?.pid;
  const db = host.find('db')?.pid;
  await control.restartService('db');
  assert.notEqual(host.find('db')?.pid, db);
  assert.equal(host.find('web')?.pid, web);
});

test('disable stops a service for this boot, and it stays so', async () => {
  const { host, clock, control } = await arrange([service('web', { restart: 'always' })]);
  await control.disableService('web');
  await clock.advance(120_000);
  assert.deepEqual(host.running(), []);
  assert.equal(control.serviceStatus('web').enabled, false);
});

test('no name but that of a service is taken, whatever it looks like', async () => {
  const { control } = await arrange([service('web')]);
  for (const name of ['', '..', '../web', 'web/', 'WEB', 'web.service', '\0', 'x'.repeat(10_000), '__proto__']) {
    assert.throws(() => control.serviceStatus(name), { code: 'INIT_SERVICE_UNKNOWN' });
    await assert.rejects(control.stopService(name), { code: 'INIT_SERVICE_UNKNOWN' });
    await assert.rejects(control.disableService(name), { code: 'INIT_SERVICE_UNKNOWN' });
    await assert.rejects(control.serviceLogs(name, 5), { code: 'INIT_SERVICE_UNKNOWN' });
  }
});

test('a reload is told as a diff, and a fault in the files changes nothing', async () => {
  const { control, rewrite, host } = await arrange([service('a'), service('b'), service('c')]);
  rewrite([service('a'), service('b', { umask: 0 }), service('d')]);
  assert.deepEqual(await control.reload(), { added: ['d'], removed: ['c'], changed: ['b'], unchanged: 1 });
  await new Promise((resolve) => setImmediate(resolve));
  rewrite([service('a', { requires: ['a'] })]);
  await assert.rejects(control.reload(), { code: 'INIT_GRAPH' });
  assert.ok(host.running().includes('a'));
});

test('only pids of processes that run are signalled, and never PID 1 or the supervisor', async () => {
  const { control, kills } = await arrange([service('web')]);
  for (const pid of [0, -1, -100, 1.5, Number.NaN, 2 ** 31, 4_194_305]) {
    await assert.rejects(control.killProcess(pid, 9), { code: 'INIT_PROCESS_UNKNOWN' });
    await assert.rejects(control.stopProcess(pid), { code: 'INIT_PROCESS_UNKNOWN' });
  }
  for (const pid of [1, process.pid])
    await assert.rejects(control.killProcess(pid, 9), { code: 'INIT_PROCESS_FOREIGN' });
  await control.killProcess(process.ppid, 10);
  assert.deepEqual(kills, [`${process.ppid} 10`]);
});

test('a process is started with nothing but what was given and the image allows', async () => {
  const { host, control } = await arrange([]);
  await control.startProcess({ command: '/bin/date', args: ['-u'], env: ['LEVEL=a=b'] });
  assert.deepEqual(host.started[0]?.argv, ['/bin/date', '-u']);
  assert.deepEqual(host.started[0]?.env, { LEVEL: 'a=b' });
  for (const line of ['LD_PRELOAD=/x', 'OTHER=1', 'LEVEL', '=x', 'PATH=/x']) {
    const refused = control.startProcess({ command: '/bin/date', args: [], env: [line] });
    await assert.rejects(refused, { code: 'INIT_PROCESS_ENVIRONMENT' }, line);
  }
});

test('while the enclave stops, nothing is started', async () => {
  const { control, supervisor, ends, clock } = await arrange([service('web')]);
  await control.reboot();
  await control.shutdown();
  assert.deepEqual(ends, ['rebooted', 'stopped']);
  const stopped = supervisor.stopAll();
  await clock.advance(10);
  await stopped;
  await assert.rejects(control.startService('web'), { code: 'INIT_STOPPING' });
  await assert.rejects(control.startProcess({ command: 'x', args: [], env: [] }), { code: 'INIT_STOPPING' });
  await assert.rejects(control.reload(), { code: 'INIT_STOPPING' });
});

test('the system says what it holds', async () => {
  const { control, clock } = await arrange([service('web'), service('aid', { enabled: false })]);
  await clock.advance(1_000);
  const { totalProcesses, logDir, ...view } = await control.systemStatus();
  assert.deepEqual(view, {
    bootId: 'ab'.repeat(16),
    uptimeMs: 1_000,
    totalServices: 2,
    activeServices: 1,
    enabledServices: 1,
  });
  assert.ok(totalProcesses > 0 && logDir !== '');
});

test('a line of /proc/PID/stat is read behind the last parenthesis of its name, and any text is read at all', async () => {
  const rest = `S 7 8 9 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 1000 ${'0 '.repeat(30)}`;
  const found = parseProcess(5, `5 (a) b (c)) ${rest}`, 'a\0--b\0', 'VmRSS:\t  2048 kB\n', 1_000, 30);
  assert.deepEqual(found, {
    pid: 5,
    ppid: 7,
    name: 'a) b (c)',
    cmdline: 'a --b',
    state: 'S',
    cpuPercent: 10,
    memoryKb: 2048,
    startTime: 1_010,
    session: 9,
  });
  fc.assert(fc.property(fc.string(), fc.string(), fc.string(), (...texts) => void parseProcess(5, ...texts, 0, 0)));
  assert.equal((await readProcess(process.pid))?.pid, process.pid);
  assert.equal(await readProcess(4_194_305), undefined);
});

test('an account is found by name or number in the files of the image, and nowhere else', () => {
  mkdirSync(join(root, 'etc'), { recursive: true });
  writeFileSync(
    join(root, 'etc/passwd'),
    'root:x:0:0::/root:/bin/sh\nbad:x:zero:0::/:/\nweb:x:1000:1001:Web:/srv:/bin/false\n',
  );
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\ndata:x:50:web\nhuge:x:4294967295:\n');
  const find = (user: string | null, group: string | null) => findAccount({ name: 's', user, group }, root);
  assert.deepEqual(find('web', null), { uid: 1000, gid: 1001, name: 'web', home: '/srv' });
  assert.deepEqual(find('1000', 'data'), { uid: 1000, gid: 50, name: 'web', home: '/srv' });
  assert.deepEqual(find('77', null), { uid: 77, gid: 77, name: null, home: '/' });
  assert.deepEqual(find(null, '9'), { uid: 0, gid: 9, name: 'root', home: '/root' });
  for (const user of ['bad', 'nobody', '4294967295', '99999999999', '-1', '0x0', '']) {
    assert.throws(() => find(user, null), { code: 'INIT_ACCOUNT_UNKNOWN' }, user);
  }
  assert.throws(() => find(null, 'huge'), { code: 'INIT_ACCOUNT_UNKNOWN' });
});

test('notify lines are read as sd_notify(3) has them, bounded, and MAINPID is not believed', () => {
  const parse = (text: string) => parseNotifyLines(Buffer.from(text));
  assert.deepEqual(parse('READY=1'), { ready: true, status: undefined, ignoresMainPid: false });
  assert.deepEqual(parse('STATUS=a\u001b[2J\nMAINPID=1\nREADY=1\n'), {
    ready: true,
    status: 'a\\u001b[2J',
    ignoresMainPid: true,
  });
  assert.equal(parse('READY=0\nXREADY=1\nREADY=1 ').ready, false);
  assert.equal(parse(`STATUS=${'x'.repeat(9_999)}`).status?.length, 256);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseNotifyLines(bytes)));
});

/** A TCP server on loopback for one look. */
async function withServer(
  answer: ((socket: Socket) => void) | undefined,
  look: (port: number) => Promise<void>,
): Promise<void> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    answer?.(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    await look(port);
  } finally {
    server.close();
  }
}

const never = new AbortController().signal;
const isReady = (ready: Looked): Promise<boolean> => isReadyNow(ready, {} as Transport, never);

test('a port is ready when it accepts, a file when it is there', async () => {
  let gone = 0;
  await withServer(undefined, async (port) => {
    gone = port;
    assert.equal(await isReady({ kind: 'port', port }), true);
  });
  assert.equal(await isReady({ kind: 'port', port: gone }), false);
  assert.equal(await isReady({ kind: 'file', path: root }), true);
  assert.equal(await isReady({ kind: 'file', path: join(root, 'none') }), false);
});

test('an HTTP answer is a yes from 200 to 399, and anything else is a no', async () => {
  const answers: readonly [string, boolean][] = [
    ['HTTP/1.1 200 OK\r\n\r\n', true],
    ['HTTP/1.0 302 Found\r\n', true],
    ['HTTP/1.1 503 Busy\r\n\r\n', false],
    ['HTTP/1.1 2000\r\n', false],
    ['SSH-2.0-x\r\n', false],
    ['x'.repeat(2_000), false],
    ['', false],
  ];
  for (const [text, expected] of answers) {
    const asked: string[] = [];
    const answer = (socket: Socket): void => {
      socket.on('data', (bytes) => {
        asked.push(bytes.toString());
        socket.end(text);
      });
    };
    await withServer(answer, async (port) => {
      const ready: Readiness = { kind: 'http', port, path: '/health?x=1' };
      assert.equal(await isReady(ready), expected, text.slice(0, 20));
    });
    assert.match(asked.join(''), /^GET \/health\?x=1 HTTP\/1\.0\r\nHost: 127\.0\.0\.1\r\n/);
  }
});

test('an action is ready when it answers ok, and not when it is silent, starting or babbles', async () => {
  const frame = (text: string): Buffer => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
  const answers: readonly [Buffer, boolean][] = [
    [frame('{"status":"ok"}'), true],
    [frame('{"status":"starting"}'), false],
    [frame('{"error":"busy"}'), false],
    [Buffer.from('HTTP/1.1 400\r\n\r\n'), false],
    [Buffer.of(), false],
  ];
  for (const [bytes, expected] of answers) {
    await withServer(
      (socket) => void socket.once('data', () => socket.end(bytes)),
      async (port) => {
        assert.equal(await isReady({ kind: 'action', transport: 'tcp', port }), expected, bytes.toString());
      },
    );
  }
});

test('an action on vsock is asked of the enclave’s own CID', async () => {
  const directory = join(root, 'fabric');
  mkdirSync(directory, { mode: 0o700 });
  const transport = createFabricTransport({ directory, localCid: toCid(16) });
  const port = toVsockPort(5001);
  const look = (): Promise<boolean> => isReadyNow({ kind: 'action', transport: 'vsock', port }, transport, never);
  assert.equal(await look(), false);
  const health = { status: 'ok', phase: 'ready', reasons: [], bootId: 'ab'.repeat(16) } as const;
  const server = await serveHealth({ transport, port, health: () => health });
  assert.equal(await look(), true);
  await server.close();
});

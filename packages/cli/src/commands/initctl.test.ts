// initctl and `caisson service` from the command line, against a live socket with a stand-in supervisor: every subcommand and option, tables,
// JSON, exit codes; the same through the enclave program's own reader of words.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { runInitctlVerb } from '@caisson/enclave/main/initctl';
import { serveInitSocket } from '@caisson/link/init';
import { initctlCommands } from '@caisson/link/init/initctl';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { createFakeControl, type FakeControl } from '@caisson/testkit/fake';
import { run } from '../run.ts';

interface Tool {
  readonly folder: string;
  readonly socket: string;
  readonly control: FakeControl;
  /** `initctl WORDS`, with the socket from the environment. */
  initctl(words: readonly string[], more?: Partial<Call>): Promise<Said>;
}
interface Call {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stop: AbortSignal;
  readonly onText: (text: string) => void;
}
interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function tool(context: TestContext): Promise<Tool> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-initctl-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const [socket, control] = [join(folder, 'init.sock'), createFakeControl()];
  const peerCredentials = () => ({ pid: 1, uid: 0, gid: 0 });
  const server = await serveInitSocket({ path: socket, control, peerCredentials, ownerUid: 0 });
  context.after(() => server.close());
  const initctl = async (words: readonly string[], more: Partial<Call> = {}): Promise<Said> => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const text = { out: '', err: '' };
    stdout.on('data', (chunk: Buffer) => {
      text.out += chunk;
      more.onText?.(text.out);
    });
    stderr.on('data', (chunk: Buffer) => {
      text.err += chunk;
    });
    const env = more.env ?? { INIT_SOCKET: socket };
    const stop = more.stop ?? new AbortController().signal;
    const world = { stdin: Readable.from([]), stdout, stderr, env, stop, onReload: () => {} };
    const name = more.name ?? 'initctl';
    const code = name === 'caisson-enclave' ? await runInitctlVerb(words, world) : await run(words, { ...world, name });
    // Let the streams hand over what was written last.
    await new Promise(setImmediate);
    return { code, ...text };
  };
  return { folder, socket, control, initctl };
}

const done = (text: string): RegExp => new RegExp(`^✓ ${text}`);
const until = 'until the enclave ends';
const commands: readonly (readonly [words: string, asked: string | undefined, out: RegExp])[] = [
  [
    'list',
    'listServices',
    /^NAME +ENABLED +ACTIVE +RESTART +RESTARTS +PHASE\n-+\nweb +enabled +active +always +2 +ready\n$/,
  ],
  [
    'status web',
    'serviceStatus web',
    /^Service: web\n {2}Enabled: yes\n {2}Status: active \(running\)\n {2}Phase: ready\n {2}PID: 42\n {2}Command: \/bin\/web "a b"\n {2}Working Directory: \/app\n {2}Restart Policy: always\n {2}Restart Delay: 5s\n {2}Restart Count: 2\n {2}Last Exit Code: 139\n {2}After: db\n {2}Requires: db\n$/,
  ],
  ['start web.service', 'startService web', done('service web started')],
  ['stop web', 'stopService web', done('service web stopped')],
  ['restart web', 'restartService web', done('service web restarted')],
  ['enable web', 'enableService web', done(`service web enabled ${until}`)],
  ['enable --now web', 'startService web', /^✓ service web enabled .*\n✓ service web started\n$/],
  ['disable web', 'disableService web', done(`service web disabled ${until}`)],
  ['logs web', 'serviceLogs web 50', /^\[2023-11-14 22:13:20\] hello\n$/],
  ['logs -n 3 web', 'serviceLogs web 3', /hello/],
  ['logs web --lines 7', 'serviceLogs web 7', /hello/],
  ['logs-stream web', 'serviceLogs web 50', /hello/],
  ['logs-stream web --listen-cid 2 --listen-port 9100', 'serviceLogs web 50', /hello/],
  ['logs-clear web', 'clearLogs web', done('logs of web cleared')],
  [
    'ps list',
    'listProcesses',
    /^PID +PPID +STATE +CPU% +MEM +MANAGED +SERVICE +COMMAND\n-+\n42 +1 +Sleeping +1\.5 +2\.0M +yes +web +\/bin\/web a b\n$/,
  ],
  ['ps status 42', 'processStatus 42', /^Process: 42\n {2}Name: web\n {2}Parent PID: 1\n {2}State: Sleeping\n/],
  [
    'ps start -e A=1 --env B=2 /bin/x -l --env C',
    'startProcess /bin/x,-l,--env,C|A=1,B=2',
    done('process /bin/x started \\(PID: 77\\)'),
  ],
  ['ps run /bin/x', 'startProcess /bin/x|', done('process')],
  ['ps stop 42', 'stopProcess 42', done('process 42 asked to stop')],
  ['ps restart 42', 'restartProcess 42', done('process 42 restarted as 78')],
  ['ps kill 42', 'killProcess 42 15', done('signal 15')],
  ['ps kill 42 -s 9', 'killProcess 42 9', done('signal 9')],
  ['ps kill --signal HUP 42', 'killProcess 42 1', done('signal 1')],
  [
    'system-status',
    'systemStatus',
    /^System Status\n {2}Uptime: 12s\n {2}Services: 1 total, 1 enabled, 1 active\n {2}Processes: 3 total\n/,
  ],
  ['reload', 'reload', done('services read again: 1 added, 0 removed, 0 changed, 4 untouched')],
  ['reboot', 'reboot', done('the enclave stops')],
  ['shutdown', 'shutdown', done('the enclave stops')],
  ['ping', undefined, done('Pong - init system is responsive')],
];

test('every subcommand and option asks what it means and shows it, under its name, in caisson service and in the enclave', async (context) => {
  const { control, initctl } = await tool(context);
  for (const name of ['initctl', 'caisson', 'caisson-enclave']) {
    for (const [words, asked, out] of commands) {
      control.asked.length = 0;
      const said = await initctl([...(name === 'caisson' ? ['service'] : []), ...words.split(' ')], { name });
      assert.deepEqual([said.code, control.asked.at(-1)], [0, asked], `${name} ${words}: ${said.err}`);
      assert.match(said.out, out, `${name} ${words}`);
    }
  }
  for (const { words } of initctlCommands)
    assert.ok(
      commands.some(([line]) => line.startsWith(words)),
      words,
    );
});

test('--json prints one document with v, before or behind the command, for answers and refusals', async (context) => {
  const { initctl } = await tool(context);
  for (const [words] of commands.filter(([line]) => !line.startsWith('ps start') && !line.startsWith('ps run'))) {
    for (const line of [
      [...words.split(' '), '--json'],
      ['--json', ...words.split(' ')],
    ]) {
      const { code, out } = await initctl(line);
      assertFitsSchema(JSON.parse(out), 'initctl');
      assert.equal(code, 0);
    }
  }
  const { code, out, err } = await initctl(['stop', 'ghost', '--json']);
  assertFitsSchema(JSON.parse(out), 'initctl');
  assert.deepEqual([code, err], [1, '']);
});

test('ends with 1 for a refusal or a broken connection, and with the usage code for words that cannot be meant', async (context) => {
  const { folder, initctl } = await tool(context);
  assert.deepEqual(await initctl(['stop', 'ghost']), {
    code: 1,
    out: '',
    err: '✗ Error: service ghost does not exist\n',
  });
  const nobody = await initctl(['list'], { env: { INIT_SOCKET: join(folder, 'none') } });
  assert.equal(nobody.code, 1);
  assert.match(nobody.err, /ENOENT/);
  const wrong = [
    '',
    'lst',
    'status',
    'status ../x',
    'logs web -n 0',
    'logs web -n 10001',
    'ps',
    'ps kill -1',
    'ps kill 42 -s NOPE',
    'ps stop 0',
    'ps start -e A /bin/x',
    'list --bogus',
    'ping extra',
  ];
  for (const words of wrong) {
    const list = words.split(' ').filter((word) => word !== '');
    for (const [name, usage] of [
      ['initctl', 2],
      ['caisson', 64],
      ['caisson-enclave', 64],
    ] as const) {
      const said = await initctl([...(name === 'caisson' ? ['service'] : []), ...list], { name });
      assert.equal(said.code, usage, `${name} ${words}: ${said.err}`);
      assert.equal(said.out, '', words);
    }
  }
});

test('flags stand over the environment, that over the config file; a bad file and bare vsock are refused before anything is dialled', async (context) => {
  const { folder, socket, control, initctl } = await tool(context);
  const file = join(folder, 'initctl.yaml');
  const none = join(folder, 'none');
  const ping = (words: readonly string[], env: Record<string, string>, name = 'initctl') =>
    initctl([...words, 'ping'], { env, name });
  writeFileSync(file, `# any YAML is right, JSON too\n{"protocol": "unix", "unix_socket_path": "${socket}"}`);
  assert.equal((await ping(['-c', file], {})).code, 0);
  assert.equal((await ping([], { INITCTL_CONFIG: file })).code, 0);
  assert.equal((await ping([], { INITCTL_CONFIG: file, INIT_SOCKET: none })).code, 1);
  assert.equal((await ping(['-s', socket], { INITCTL_CONFIG: file, INIT_SOCKET: none })).code, 0);
  assert.match(
    (await ping([], { INITCTL_CONFIG: '/dev/zero' })).err,
    /\/dev\/zero cannot be read: it must be a regular file/,
  );
  writeFileSync(join(folder, 'initctl.json'), `{"unix_socket_path": "${socket}"}`);
  assert.equal((await ping(['-c', join(folder, 'initctl.json')], {}, 'caisson-enclave')).code, 0);
  for (const text of ['protocol: tcp', 'socket: /x', 'vsock_port: high', '- a', 'a: [', 'unix_socket_path: 7']) {
    writeFileSync(file, text);
    const said = await ping(['-c', file, '-s', socket], {});
    assert.deepEqual([said.code, said.out], [1, ''], text);
    assert.match(said.err, /initctl\.yaml/, text);
  }
  assert.equal((await ping(['-c', none], {})).code, 1);
  control.asked.length = 0;
  const own = { XDG_CONFIG_HOME: folder };
  const table: readonly (readonly [words: readonly string[], outside: readonly [number, RegExp], inside: RegExp])[] = [
    [['-p', 'vsock'], [2, /-p vsock must be told which enclave/], /vsock must be asked from outside/],
    [
      ['--protocol', 'VSOCK', '--vsock-cid', '16', '--vsock-port', '9001'],
      [2, /a policy must say what enclave 16 must be, got none/],
      /vsock must be asked from outside/,
    ],
    [['-p', 'smtp'], [1, /protocol must be unix or vsock/], /protocol must be unix or vsock/],
  ];
  for (const [words, [code, message], inside] of table) {
    const said = await ping(words, own);
    assert.equal(said.code, code, said.err);
    assert.match(said.err, message);
    const there = await ping(words, own, 'caisson-enclave');
    assert.equal(there.code, 1);
    assert.match(there.err, inside);
  }
  // A word forgotten must not end the enclave that one is in.
  for (const word of ['stop', 'status']) {
    assert.equal((await initctl([word])).code, 2);
    assert.equal((await initctl([word], { name: 'caisson-enclave' })).code, 64);
  }
  assert.deepEqual(control.asked, []);
});

test('a followed log goes on until Ctrl-C, which ends with 130, and can go into a file of its owner', async (context) => {
  const { folder, control, initctl } = await tool(context);
  const stop = new AbortController();
  let said = 0;
  const onText = (text: string): void => {
    // The last lines are shown once the log is asked for; each further line brings the next.
    if (text.includes('line 2')) stop.abort('SIGINT');
  };
  const talk = setInterval(() => control.followers() > 0 && control.say('web', `line ${said++}`), 5);
  const followed = await initctl(['logs-stream', 'web', '-f'], { stop: stop.signal, onText });
  clearInterval(talk);
  assert.equal(followed.code, 130);
  assert.match(followed.out, /^\[.*\] hello\n\[2023-11-14 22:13:20\] line 0\n.*line 1\n/);
  const file = join(folder, 'web.log');
  for (const words of [
    ['logs-stream', 'web', '-o', file],
    ['logs-stream', 'web', '--output', file, '--json'],
  ]) {
    assert.equal((await initctl(words)).out, '');
  }
  assert.match(readFileSync(file, 'utf8'), /^\[2023-11-14 22:13:20\] hello\n\{"v":1,"method":"ServiceLogs",/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const gone = new AbortController();
  gone.abort('SIGTERM');
  assert.equal((await initctl(['list'], { stop: gone.signal })).code, 143);
});

test('service check lists every fault of a folder and starts nothing', async (context) => {
  const { folder, initctl } = await tool(context);
  const units = join(folder, 'units');
  mkdirSync(units);
  writeFileSync(join(units, 'a.service'), '[Service]\nExecStart = "/bin/a"\nRestrat = "no"\n');
  writeFileSync(join(units, 'b.service'), 'ExecStart = "/bin/b"\nRequires = ["c"]\n');
  const check = (words: readonly string[]) => initctl(['service', 'check', ...words], { name: 'caisson' });
  const bad = await check([units]);
  assert.equal(bad.code, 1);
  assert.equal(
    bad.out,
    'a.service:3:1: unknown key Restrat (did you mean Restart?)\n  hint: docs/service.md lists the keys\n' +
      'b.service:2:1: Requires of b names c, and there is no such service\n',
  );
  const facts = await check([units, '--json']);
  assertFitsSchema(JSON.parse(facts.out), 'service-check');
  writeFileSync(join(units, 'a.service'), 'ExecStart = "/bin/a"\n');
  writeFileSync(join(units, 'b.service'), 'ExecStart = "/bin/b"\nRequires = ["app", "network"]\n');
  assert.deepEqual(await check([units, '--application', '--network']), {
    code: 0,
    out: `ok: 4 services in ${units}\n`,
    err: '',
  });
  assert.equal((await check([join(folder, 'none')])).code, 1);
});

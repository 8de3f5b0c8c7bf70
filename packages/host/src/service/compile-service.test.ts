// Service files from a tree or a folder: every key, every fault with its place, links between services, the image's own command.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { toUtf8 } from '@caisson/core/bytes';
import { parseMeasuredServices } from '@caisson/core/measured';
import fc from 'fast-check';
import type { RootTree, TreeEntry } from '../tree/index.ts';
import {
  type CompileServicesOptions,
  checkServiceFolder,
  compileServices,
  formatServiceFault,
  ServiceFaultError,
} from './index.ts';
import { parseServiceText } from './parse-service.ts';

const owner = { uid: 0, gid: 0, origin: 'folder' } as const;
function file(text: string, mode = 0o644): TreeEntry {
  const bytes = toUtf8(text);
  return { ...owner, kind: 'file', mode, content: { size: bytes.length, open: () => slices(bytes) } };
}
async function* slices(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes.subarray(0, 3);
  yield bytes.subarray(3);
}
const program = file('#!', 0o755);
const link = (target: string): TreeEntry => ({ ...owner, kind: 'symlink', mode: 0o777, target });
const tree = (entries: Readonly<Record<string, TreeEntry | string>>): RootTree =>
  new Map(Object.entries(entries).map(([path, one]) => [path, typeof one === 'string' ? file(one) : one]));

/** Lines of every fault and warning of `entries`; programs are not looked for. */
async function faultsOf(entries: Record<string, TreeEntry | string>, options: CompileServicesOptions = {}) {
  try {
    const { warnings } = await compileServices(tree(entries), { findPrograms: false, ...options });
    return warnings.map(formatServiceFault);
  } catch (error) {
    assert.ok(error instanceof ServiceFaultError, String(error));
    assert.equal(error.code, 'SERVICE_FAULTS');
    return error.faults.map(formatServiceFault);
  }
}

// A flat file and one with a header, as the two documents of the reference show them.
const flat = `ExecStart = "/usr/bin/node /app/worker.js"
Environment = [
    "NODE_ENV=production",
    "QUEUE_URL=redis://localhost:6379"
]
Restart = "on-failure"
RestartSec = 10
WorkingDirectory = "/app"
After = ["database"]
`;
const headed = `[Service]
ExecStart = "/apps/nats-server -c /apps/nats.config"
Restart = "always"
RestartSec = 5
ServiceEnable = true
Before = ["web.service"]
RequiredBy = ["web.service"]
`;

test('reads the reference’s own form: flat or under [Service], in either folder, names with or without .service', async () => {
  const { measured, bytes, warnings } = await compileServices(
    tree({
      'service/web.service': flat,
      'etc/init.d/nats.service': headed,
      'service/database.service.disabled': 'ExecStart = "/bin/db"',
      'etc/init.d/ssh': '#!/bin/sh',
      'etc/init.d/sub/other.service': 'nonsense',
    }),
    { findPrograms: false },
  );
  assert.deepEqual(warnings, []);
  assert.deepEqual(parseMeasuredServices(bytes), measured);
  const [database, nats, web] = measured.services;
  assert.deepEqual(
    measured.services.map(({ name, enabled }) => [name, enabled]),
    [
      ['database', false],
      ['nats', true],
      ['web', true],
    ],
  );
  assert.deepEqual(database?.argv, ['/bin/db']);
  assert.deepEqual(
    [nats?.before, nats?.requiredBy, nats?.restart, nats?.restartDelayMs],
    [['web'], ['web'], 'always', 5_000],
  );
  assert.deepEqual(web?.environment, { NODE_ENV: 'production', QUEUE_URL: 'redis://localhost:6379' });
  assert.deepEqual([web?.argv, web?.workingDirectory], [['/usr/bin/node', '/app/worker.js'], '/app']);
});

test('the bytes depend on the words of the files alone, not on their order in the tree', async () => {
  const one = await compileServices(
    tree({
      'service/a.service': flat.replace('After', '#'),
      'service/b.service': headed.replaceAll('web.service', 'a'),
    }),
    { findPrograms: false },
  );
  const two = await compileServices(
    tree({
      'service/b.service': headed.replaceAll('web.service', 'a'),
      'service/a.service': flat.replace('After', '#'),
    }),
    { findPrograms: false },
  );
  assert.deepEqual(one.bytes, two.bytes);
});

test('every key has its value in the measured file, and absent ones their defaults', async () => {
  const all = `[Service]
ExecStart = '/bin/x "a b" ""'
User = "app"
Group = 1000
Umask = "0027"
RestartSec = 0.25
ReadyHttp = "http://127.0.0.1:8080/health?x=1"
ReadyTimeoutSec = 1.5
StartLimitBurst = 7
StartLimitIntervalSec = 30
NsmPcrs = [31, 17, 31]
StopSignal = "SIGINT"
StopTimeoutSec = 3
KillMode = "mixed"
LimitNOFILE = 4096
OOMScoreAdjust = -500
NoNewPrivileges = false
StandardInput = "config"
StandardOutput = "console"
Restart = "on-success"
After = "b.service c"
`;
  const compile = async (text: string) =>
    (await compileServices(tree({ 'service/a.service': text }), { findPrograms: false })).measured.services[0];
  assert.deepEqual(await compile(all), {
    name: 'a',
    argv: ['/bin/x', 'a b', ''],
    environment: {},
    enabled: true,
    workingDirectory: null,
    user: 'app',
    group: '1000',
    umask: 0o27,
    restart: 'on-success',
    restartDelayMs: 250,
    startLimit: { count: 7, windowMs: 30_000 },
    before: [],
    after: ['b', 'c'],
    requires: [],
    requiredBy: [],
    ready: { kind: 'http', port: 8080, path: '/health?x=1' },
    readyTimeoutMs: 1_500,
    nsmPcrs: [17, 31],
    stopSignal: 2,
    stopTimeoutMs: 3_000,
    killMode: 'mixed',
    limitNofile: 4096,
    oomScoreAdjust: -500,
    noNewPrivileges: false,
    standardInput: 'config',
    standardOutput: 'console',
    builtIn: false,
  });
  const plain = await compile('ExecStart = "/bin/x"');
  assert.deepEqual(
    [plain?.restart, plain?.restartDelayMs, plain?.noNewPrivileges, plain?.ready, plain?.umask, plain?.startLimit],
    ['no', 100, true, { kind: 'fork' }, 0o22, { count: 5, windowMs: 60_000 }],
  );
  for (const [line, ready] of [
    ['ReadyNotify = true', { kind: 'notify' }],
    ['ReadyPort = 80\nReadyNotify = false', { kind: 'port', port: 80 }],
    ['ReadyFile = "/run/up"', { kind: 'file', path: '/run/up' }],
    ['ReadyAction = "vsock:5000"', { kind: 'action', transport: 'vsock', port: 5000 }],
    ['ReadyHttp = "http://localhost:81"', { kind: 'http', port: 81, path: '/' }],
  ] as const) {
    assert.deepEqual((await compile(`ExecStart = "/bin/x"\n${line}`))?.ready, ready);
  }
});

test('a key that is unknown, of another type or out of bounds is refused with its line, its column and what is right', async () => {
  const table: readonly (readonly [string, string])[] = [
    ['ExecStrat = "x"', '2:1: unknown key ExecStrat (did you mean ExecStart?)'],
    ['  execstart = "x"', '2:3: unknown key execstart (did you mean ExecStart?)'],
    ['Nice = 5', '2:1: unknown key Nice'],
    ['Restart = "sometimes"', '2:1: Restart must be one of no, always, on-failure, on-success, got "sometimes"'],
    ['RestartSec = "5"', '2:1: RestartSec must be seconds in 0..3600, got "5"'],
    ['RestartSec = -1', '2:1: RestartSec must be seconds in 0..3600, got -1'],
    ['RestartSec = nan', '2:1: RestartSec must be seconds in 0..3600, got NaN'],
    ['WorkingDirectory = "app"', '2:1: WorkingDirectory must be an absolute path, got "app"'],
    ['ServiceEnable = "yes"', '2:1: ServiceEnable must be true or false, without quotes, got "yes"'],
    ['Environment = ["A"]', '2:1: Environment must be a list of "NAME=value", got "A"'],
    ['Environment = ["A=1", "A=2"]', '2:1: Environment must be a list that names each variable once, got "A"'],
    ['Environment = "A=1"', '2:1: Environment must be a list of "NAME=value", got "A=1"'],
    ['Umask = 22', '2:1: Umask must be three octal digits in quotes, as "022", got 22'],
    ['Umask = "088"', '2:1: Umask must be three octal digits in quotes, as "022", got "088"'],
    ['ReadyPort = 70000', '2:1: ReadyPort must be an integer in 1..65535, got 70000'],
    ['ReadyPort = 80.0', '2:1: ReadyPort must be an integer in 1..65535, got 80'],
    [
      'ReadyHttp = "http://10.0.0.1:80/"',
      '2:1: ReadyHttp must be http://127.0.0.1:PORT/PATH, got "http://10.0.0.1:80/"',
    ],
    ['ReadyAction = "5000"', '2:1: ReadyAction must be vsock:PORT or tcp:PORT, got "5000"'],
    ['ReadyPort = 1\nReadyFile = "/x"', '3:1: ReadyPort and ReadyFile cannot stand together: readiness has one sign'],
    ['NsmPcrs = [16]', '2:1: NsmPcrs must be an integer in 17..31, got 16'],
    ['StopSignal = "SIGNOPE"', '2:1: StopSignal must be a signal by name or a number in 1..31, got "SIGNOPE"'],
    ['StopTimeoutSec = 31', '2:1: StopTimeoutSec must be seconds in 0..30, got 31'],
    ['OOMScoreAdjust = 1001', '2:1: OOMScoreAdjust must be an integer in -1000..1000, got 1001'],
    ['StandardInput = "tty"', '2:1: StandardInput must be one of null, config, got "tty"'],
    ['User = "a b"', '2:1: User must be a name or a number, got "a b"'],
    ['[Unit]\nDescription = "x"', '2:1: unknown key Unit'],
    ['A = """\nx = 1\n"""\nNice = [ # ]\n1]\nBad = 1', '2:1: unknown key A|5:1: unknown key Nice|7:1: unknown key Bad'],
    ['Restart = ', '2:11: not TOML: '],
    ['ExecStart = "y"', '2:1: not TOML: '],
  ];
  for (const [lines, expected] of table) {
    const found = await faultsOf({ 'service/a.service': `ExecStart = "/bin/x"\n${lines}\n` });
    const wanted = expected.split('|').map((one) => `service/a.service:${one}`);
    assert.equal(found.length, wanted.length, `${lines}: ${found.join('; ')}`);
    for (const [index, one] of wanted.entries()) {
      assert.ok(
        one.endsWith(': ') ? found[index]?.startsWith(one) : found[index] === one,
        `${found[index]} for ${one}`,
      );
    }
  }
  for (const [text, expected] of [
    ['', '1:1: ExecStart must be there, got nothing'],
    ['ExecStart = ""', '1:1: ExecStart must be a command, got ""'],
    [
      `ExecStart = "a 'b"`,
      `1:1: ExecStart must be a command line that can be split: it has a quote ' that is not closed (character 3), got "a 'b"`,
    ],
    [
      '[Unit]\nX = 1\n[Service]\nExecStart = "a"',
      '1:1: Unit stands outside of [Service], which holds all keys where it is there',
    ],
    [
      'Restart = "no"\n[Service]\nExecStart = "a"',
      '1:1: Restart stands outside of [Service], which holds all keys where it is there',
    ],
    [
      `ExecStart = "a"\nEnvironment = ["A=${'x'.repeat(8000)}"]`,
      '1:1: command and environment of a must have at most 7168 bytes together, got 8005',
    ],
  ] as const) {
    assert.deepEqual(await faultsOf({ 'service/a.service': text }), [`service/a.service:${expected}`], text);
  }
});

test('every fault of every file is told at once, in the order of the files', async () => {
  const found = await faultsOf({
    'service/b.service': 'ExecStart = "/bin/b"\nRestart = 1\nWat = 2',
    'etc/init.d/a.service': 'Restart = "always"',
    'service/c.service': link('/dev/null'),
    'service/..service': 'ExecStart = "/x"',
    'service/big.service': `#${'x'.repeat(70_000)}`,
    'service/latin.service': {
      ...owner,
      kind: 'file',
      mode: 0o644,
      content: { size: 1, open: () => slices(Uint8Array.of(0xff)) },
    },
  });
  assert.deepEqual(
    found.map((line) => line.replace(/got .*|\(.*\)/, '')),
    [
      'etc/init.d/a.service:1:1: ExecStart must be there, ',
      'service/..service:1:1: service name must be 1 to 63 letters, digits and _ . @ + -, beginning with a letter or digit, and not with exec-, job- or process-, ',
      'service/b.service:2:1: Restart must be one of no, always, on-failure, on-success, ',
      'service/b.service:3:1: unknown key Wat',
      'service/big.service:1:1: a service file must have at most 65536 bytes, ',
      'service/c.service:1:1: a service file must be a file of its own, ',
      'service/latin.service:1:1: a service file must be UTF-8',
    ],
  );
});

test('a cycle, a requirement that is not there or disabled, and a name twice fail; what only orders may be absent', async () => {
  const run = 'ExecStart = "/bin/x"\n';
  const cycle = await faultsOf({
    'service/a.service': `${run}After = ["b"]`,
    'service/b.service': `${run}Requires = ["c.service"]`,
    'service/c.service': `${run}RequiredBy = ["a"]\nAfter = ["a"]`,
  });
  assert.deepEqual(cycle.length, 1);
  assert.match(cycle[0] ?? '', /^service\/a\.service:1:1: services wait for each other: a -> (b -> )?c -> a$/);
  assert.deepEqual(
    await faultsOf({
      'service/web.service': `${run}Requires = ["databse"]\nAfter = ["gone"]`,
      'service/database.service': run,
    }),
    [
      'service/web.service:3:1: warning: After of web names gone, and there is no such service, which is ignored',
      'service/web.service:2:1: Requires of web names databse, and there is no such service (did you mean database?)',
    ].sort(),
  );
  assert.deepEqual(
    await faultsOf({ 'service/a.service': `${run}Requires = ["b"]`, 'service/b.service.disabled': run }),
    ['service/a.service:1:1: a requires b, which is disabled: a could never start'],
  );
  assert.deepEqual(await faultsOf({ 'service/a.service': run, 'etc/init.d/a.service.disabled': run }), [
    'service/a.service:1:1: service a is defined twice, first by etc/init.d/a.service.disabled',
  ]);
  // The fault of b is told once; that a needs it is no second one.
  assert.deepEqual(await faultsOf({ 'service/a.service': `${run}Requires = ["b"]`, 'service/b.service': 'X = 1' }), [
    'service/b.service:1:1: unknown key X',
  ]);
  // And what b says of others is judged all the same: whoever mends a key should not have to check twice.
  const twice = await faultsOf({
    'service/a.service': `${run}After = ["b"]`,
    'service/b.service': 'Requires = ["c", "a"]\nX = 1',
  });
  assert.deepEqual(twice.sort(), [
    'service/a.service:1:1: services wait for each other: a -> b -> a',
    'service/b.service:1:1: Requires of b names c, and there is no such service',
    'service/b.service:2:1: unknown key X',
  ]);
});

test('the image’s command is the service app, which waits for the network; a file may say more about it', async () => {
  const application = {
    argv: ['node', '/app/main.js'],
    env: ['PATH=/opt/bin', 'A=1', 'A=2'],
    workingDirectory: '/app',
    user: 'app:web',
  };
  const { measured } = await compileServices(tree({ 'opt/bin/node': program }), { application, network: true });
  const [app, network] = measured.services;
  assert.deepEqual(
    [app?.name, app?.argv, app?.environment],
    ['app', ['/opt/bin/node', '/app/main.js'], { PATH: '/opt/bin', A: '2' }],
  );
  assert.deepEqual([app?.user, app?.group, app?.workingDirectory, app?.requires], ['app', 'web', '/app', ['network']]);
  assert.deepEqual([network?.name, network?.builtIn, network?.argv], ['network', true, []]);

  const more = {
    'opt/bin/node': program,
    'service/app.service': 'Restart = "always"\nEnvironment = ["A=3"]\nUser = "root"',
  };
  const [own] = (await compileServices(tree(more), { application })).measured.services;
  assert.deepEqual(
    [own?.argv[0], own?.restart, own?.environment, own?.user, own?.group],
    ['/opt/bin/node', 'always', { PATH: '/opt/bin', A: '3' }, 'root', null],
  );
  assert.deepEqual(await faultsOf({ 'service/app.service': 'ExecStart = "/bin/y"' }, { application }), [
    'service/app.service:1:1: warning: ExecStart of app replaces the image\'s own command "node"',
  ]);
  assert.deepEqual(await faultsOf({ 'service/network.service': 'ExecStart = "/bin/y"' }, { network: true }), [
    'service/network.service:1:1: service network is defined twice, first by the image itself, which has network built in',
  ]);
  const odd = { ...application, env: ['a.b=1', `BIG=${'x'.repeat(8_000)}`] };
  assert.deepEqual(await faultsOf({}, { application: odd }), [
    'environment of app must have names of letters, digits and _, got "a.b"',
    'command and environment of app must have at most 7168 bytes together, got 8029',
  ]);
  assert.deepEqual(await faultsOf({}, { application: { ...application, argv: ['nothing'] }, findPrograms: true }), [
    'command must be a program of the image, got nothing: not found in /opt/bin',
  ]);
  const { actionPorts } = await compileServices(
    tree({ 'service/a.service': 'ExecStart = "/a"\nReadyAction = "vsock:5000"' }),
    { findPrograms: false },
  );
  assert.deepEqual(actionPorts, [5000]);
});

test('a program that is not in the image, or cannot be executed, fails the build; bare names become paths', async () => {
  const root = {
    'usr/bin/node': program,
    bin: link('usr/bin'),
    'usr/bin/nodejs': link('../../opt/./node'),
    'opt/node': { ...owner, kind: 'hardlink', mode: 0o755, target: 'usr/bin/node' } as const,
    'usr/bin/data': file('x'),
    'usr/bin/loop': link('loop'),
    'app/run': program,
  };
  const compile = (command: string, more = '') =>
    compileServices(tree({ ...root, 'service/a.service': `ExecStart = "${command}"\n${more}` })).then(
      ({ measured }) => measured.services[0]?.argv[0],
      (error: Error) => error.message.replace(/^.*got /, ''),
    );
  assert.equal(await compile('node x'), '/usr/bin/node');
  assert.equal(await compile('/bin/nodejs'), '/bin/nodejs');
  assert.equal(await compile('./run', 'WorkingDirectory = "/app"'), '/app/./run');
  assert.equal(await compile('/run/made/later'), '/run/made/later');
  assert.equal(await compile('/bin/nobody'), '/bin/nobody: not in the root file system');
  assert.equal(await compile('/usr/bin/data'), '/usr/bin/data: a file that may not be executed');
  assert.equal(await compile('/usr/bin/loop'), '/usr/bin/loop: behind more links than are followed');
  assert.equal(await compile('ghost', 'Environment = ["PATH=/opt:/x"]'), 'ghost: not found in /opt:/x');
});

test('any text is compiled or refused with places inside it, and never anything else', () => {
  const line = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 30 }),
    fc.constantFrom(
      '[Service]',
      'ExecStart = "/bin/x"',
      'Environment = [',
      '"A=1",',
      ']',
      'Restart = "no"',
      '"""',
      "'",
      '#',
      'a.b = 1',
    ),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      const text = lines.join('\n');
      const { service, faults } = parseServiceText(text, { file: 'f', name: 'a', disabled: false });
      assert.equal(service === undefined, faults.length > 0);
      for (const fault of faults) {
        assert.ok(fault.line >= 1 && fault.line <= text.split('\n').length, `${fault.line} of ${JSON.stringify(text)}`);
      }
    }),
    { seed: 6, numRuns: 1_000 },
  );
});

function folder(context: TestContext, files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), 'caisson-service-'));
  context.after(() => rmSync(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

test('checks a folder of service files, or a source that has such folders, without running anything', async (context) => {
  const path = folder(context, {
    'web.service': flat,
    'etc/init.d/nats.service': headed,
    'service/bad.service': 'Nope = 1',
  });
  symlinkSync('/etc/passwd', join(path, 'link.service'));
  const { faults, services } = await checkServiceFolder(path);
  assert.deepEqual(faults.map(formatServiceFault), [
    'link.service:1:1: a service file must be a file of its own, got a symlink',
    'web.service:9:1: warning: After of web names database, and there is no such service, which is ignored',
    'service/bad.service:1:1: unknown key Nope',
  ]);
  assert.deepEqual(
    services.map(({ name }) => name),
    ['nats', 'web'],
  );
  const source = {
    'etc/init.yaml': 'service_dir: /units\nlog_dri: /x',
    'units/a.service': 'ExecStart = "/bin/a"',
    'service/b.service': 'ExecStart = "/bin/b"',
  };
  const broken = await checkServiceFolder(folder(context, source));
  assert.deepEqual(broken.faults.map(formatServiceFault), [
    'etc/init.yaml:2:1: unknown key log_dri (did you mean log_dir?)',
  ]);
  const sound = await checkServiceFolder(folder(context, { ...source, 'etc/init.yaml': 'service_dir: /units' }));
  assert.deepEqual([sound.faults, sound.services.map(({ name }) => name)], [[], ['a', 'b']]);
  await assert.rejects(checkServiceFolder(folder(context, {})), { code: 'SERVICE_READ' });
  await assert.rejects(checkServiceFolder(join(path, 'gone')), { code: 'SERVICE_READ' });
});

test('ready of caisson.yaml is the readiness of app, with or without a file of its own', async () => {
  const application = { argv: ['/bin/x'], env: [], workingDirectory: null, user: null };
  const ready = { readiness: { kind: 'http', port: 80, path: '/a?b' }, timeoutMs: 1_500 } as const;
  const entries = { 'bin/x': program, 'service/db.service': 'ExecStart = "/bin/x"' };
  for (const more of [
    {},
    { 'service/app.service': 'Restart = "always"' },
    { 'service/app.service': 'ExecStart = "/bin/x"' },
  ]) {
    const { measured } = await compileServices(tree({ ...entries, ...more }), { application, ready });
    assert.deepEqual(
      measured.services.map((one) => [one.name, one.ready, one.readyTimeoutMs]),
      [
        ['app', ready.readiness, 1_500],
        ['db', { kind: 'fork' }, 30_000],
      ],
    );
  }
  const action = { readiness: { kind: 'action', transport: 'vsock', port: 5_000 }, timeoutMs: null } as const;
  const own = { 'bin/x': program, 'service/app.service': 'ReadyTimeoutSec = 7' };
  const { measured, actionPorts } = await compileServices(tree(own), { application, ready: action });
  assert.deepEqual([measured.services[0]?.readyTimeoutMs, actionPorts], [7_000, [5_000]]);
});

test('ready of caisson.yaml beside a file that says it itself, or without a command, is a fault', async () => {
  const application = { argv: ['/bin/x'], env: [], workingDirectory: null, user: null };
  const ready = { readiness: { kind: 'port', port: 80 }, timeoutMs: 1_000 } as const;
  const of = (text: string) => faultsOf({ 'service/app.service': text }, { application, ready });
  const rule = 'must not stand beside ready of caisson.yaml, which says the same, got both';
  assert.deepEqual(await of('Restart = "no"\nReadyPort = 80'), [`service/app.service:2:1: ReadyPort of app ${rule}`]);
  assert.deepEqual(await of('ReadyNotify = true'), [`service/app.service:1:1: ReadyNotify of app ${rule}`]);
  assert.deepEqual(await of('ReadyTimeoutSec = 7'), [`service/app.service:1:1: ReadyTimeoutSec of app ${rule}`]);
  assert.deepEqual(await faultsOf({ 'service/db.service': 'ExecStart = "/x"' }, { ready }), [
    'ready of caisson.yaml must be about the command of the image, got an image without one',
  ]);
  const broken = await of('Nonsense = 1');
  assert.equal(broken.length, 1, 'a file with faults of its own is no missing command');
});

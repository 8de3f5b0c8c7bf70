// PID 1 as process 1: in a PID, mount and network namespace of its own, with a root made for it, simulated. What is
// different on hardware (devtmpfs, modules, entropy, real vsock) is for the VM suite.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { laneFigure } from '@caisson/testkit/contract';
import { arrangePid1 as arrange, pid1Built as built, pid1Skip as skip } from '@caisson/testkit/pid1';

test('runs /cmd with the words of /cmd and the environment of /env, and nothing else', { skip }, async (context) => {
  const scene = await arrange(context, { cmd: 'probe\nlook\ntwo words\n\nlast', env: 'PATH=/bin\nA=b=c\nEMPTY=\n' });
  const lines = await scene.run();
  const only = (start: string): string[] => lines.filter((line) => line.startsWith(start));
  assert.deepEqual(only('argument'), ['argument [two words]', 'argument []', 'argument [last]']);
  assert.deepEqual(only('environment'), [
    ...['environment [PATH=/bin]', 'environment [A=b=c]', 'environment [EMPTY=]'],
    // Only where there is a fabric, which no hardware has.
    ...['environment [CAISSON_VSOCK=fabric:/run/caisson/fabric]', 'environment [CAISSON_CID=16]'],
  ]);
  assert.deepEqual(only('/cmd'), ['/cmd gone']);
  assert.deepEqual(only('parent'), ['parent 1 session own']);
  assert.deepEqual(only('SIGTERM'), ['SIGTERM free']);
  assert.deepEqual(only('127.0.0.1'), ['127.0.0.1 there']);
  assert.ok(
    !existsSync(join(scene.folder, 'cmd')) && !existsSync(join(scene.folder, 'env')),
    'read once, then deleted',
  );
  for (const target of ['/proc', '/sys', '/run', '/tmp', '/dev/shm', '/dev/pts', '/sys/fs/cgroup']) {
    const mounted = lines.some((line) => line.startsWith('mount ') && line.split(' ')[2] === target);
    assert.ok(mounted || lines.includes(`caisson-init: mount ${target}: not in this kernel, left out`), target);
  }
});

test('a simulation skips exactly what only hardware has, and says so', { skip }, async (context) => {
  const scene = await arrange(context, { cmd: 'probe\nexit\n0\n' });
  assert.deepEqual(
    (await scene.run()).filter((line) => !/left out|clock: /.test(line)),
    [
      'caisson-init: devtmpfs: skipped, simulated',
      'caisson-init: modules: skipped, simulated',
      'caisson-init: entropy: skipped, simulated',
      'caisson-init: exit 0',
    ],
  );
});

test('ends with the code of the command, 128 + n for signal n, 127 and 126 for one that cannot run', {
  skip,
}, async (context) => {
  const cases = [
    ['probe\nexit\n0', 0],
    ['probe\nexit\n42', 42],
    ['probe\ndie\n9', 137],
    ['nowhere', 127],
    ['/proc', 126],
  ] as const;
  for (const [cmd, code] of cases) {
    const scene = await arrange(context, { cmd });
    assert.equal((await scene.run()).at(-1), `caisson-init: exit ${code}`, cmd);
  }
});

test('ends by reboot(RB_AUTOBOOT), which a PID namespace shows as SIGHUP', { skip }, async (context) => {
  const scene = await arrange(context, { cmd: 'probe\nexit\n0' });
  const { child } = scene.start();
  // pid_namespaces(7): RB_AUTOBOOT of its process 1 kills the namespace with SIGHUP.
  const [code, signal] = await once(child, 'close');
  assert.ok(signal === 'SIGHUP' || code === 129, `code ${code}, signal ${signal}`);
});

test('R-I1: reaps every orphan, so that a storm of them leaves no zombie', { skip }, async (context) => {
  for (let round = 0; round < laneFigure('R-I1'); round += 1) {
    const scene = await arrange(context, { cmd: 'probe\nstorm\n10000' });
    assert.ok((await scene.run()).includes('orphans 10000 zombies 0'), `round ${round}`);
  }
});

test('hands SIGTERM and SIGINT to the command and ends with its code', { skip }, async (context) => {
  for (const [signal, number] of [
    ['SIGTERM', 15],
    ['SIGINT', 2],
  ] as const) {
    const scene = await arrange(context, { cmd: 'probe\nsignal' });
    const run = scene.start();
    while (!run.console().includes('waiting')) await Promise.race([once(run.child.stdout!, 'data'), run.ended]);
    process.kill(run.pid(), signal);
    assert.match(await run.ended, new RegExp(`signal ${number}\ncaisson-init: exit 7\n$`));
  }
});

test('a broken image ends with the step, its object and the reason, and never starts the command', {
  skip,
}, async (context) => {
  const broken = [
    [{}, /^caisson-init: command \/cmd: No such file or directory \(the image must hold/],
    [{ cmd: 'probe', profile: '' }, /^caisson-init: profile \/profile: Invalid argument/],
    [{ cmd: 'probe', profile: 'Development\n' }, /^caisson-init: profile \/profile: Invalid argument/],
    [{ cmd: 'probe', profile: 'development\nproduction\n' }, /^caisson-init: profile \/profile: Invalid argument/],
    [{ cmd: 'probe', supervisor: '' }, /^caisson-init: command \/supervisor: Invalid argument/],
    [{ cmd: 'probe', supervisor: 'x'.repeat(65_536) }, /^caisson-init: command \/supervisor: Argument list too long/],
    [{ cmd: '' }, /^caisson-init: command \/cmd: Invalid argument/],
    [{ cmd: 'a\0b' }, /^caisson-init: command \/cmd: Invalid argument/],
    [{ cmd: 'x'.repeat(65_536) }, /^caisson-init: command \/cmd: Argument list too long/],
    [{ cmd: 'x\n'.repeat(1_025) }, /^caisson-init: command \/cmd: Argument list too long/],
    [{ cmd: 'probe', env: 'no name' }, /^caisson-init: command \/env: Invalid argument/],
    [{ cmd: 'probe', env: '=x' }, /^caisson-init: command \/env: Invalid argument/],
  ] as const;
  for (const [layout, expected] of broken) {
    const scene = await arrange(context, layout);
    const lines = (await scene.run()).filter((line) => !line.includes('skipped'));
    assert.match(lines[0]!, expected);
    assert.deepEqual(lines.slice(1), ['caisson-init: exit 125']);
  }
  const rootless = await arrange(context, { cmd: 'probe' });
  rmSync(join(rootless.folder, 'rootfs'), { recursive: true });
  assert.ok(
    (await rootless.run()).some((line) => line.startsWith('caisson-init: root /rootfs: No such file or directory')),
  );
});

test('a parent that answers the heartbeat wrong three times, or is not there, is no parent', {
  skip,
}, async (context) => {
  let dials = 0;
  const liar = await arrange(context, {
    cmd: 'probe\nexit\n0',
    answer: (socket) => {
      dials += 1;
      let text = '';
      socket.on('data', (bytes: Buffer) => {
        text += bytes.toString('latin1');
        if (!text.endsWith('\xb7')) return;
        assert.equal(text, 'CAISSON-FABRIC/1 16 9000\n\xb7');
        socket.end(Buffer.of(0xb8));
      });
    },
  });
  const lines = await liar.run();
  assert.ok(
    lines.some((line) => line.startsWith('caisson-init: heartbeat to fabric 3/9000: Protocol error (the parent must')),
  );
  assert.equal(lines.at(-1), 'caisson-init: exit 125');
  assert.equal(dials, 3);

  const alone = await arrange(context, { cmd: 'probe\nexit\n0' });
  rmSync(join(alone.folder, 'fabric/3/9000'));
  assert.ok(
    (await alone.run()).some((line) => line.startsWith('caisson-init: heartbeat to fabric 3/9000: No such file')),
  );
});

test('refuses options it does not know, a fabric without a simulation, and to be another process than 1', {
  skip,
}, async (context) => {
  const scene = await arrange(context, { cmd: 'probe\nexit\n0' });
  for (const words of [
    ['--simulate'],
    ['--fabric', '/fabric', '--cid', '16'],
    ['--simulated', '--fabric', '/fabric'],
    ['--cid', '3'],
    ['--cid', '9x'],
    ['--patience', '1:1:1:1'],
    ['--simulated', '--patience', '1:1:1'],
    ['--simulated', '--patience', '0:1:1:1'],
    ['--simulated', '--patience', '1025:1:1:1'],
  ]) {
    const lines = await scene.run(words);
    assert.match(lines[0]!, /^caisson-init: arguments .*: Invalid argument/, words.join(' '));
    assert.equal(lines.at(-1), 'caisson-init: exit 125');
  }
  const plain = spawnSync(join(built, 'caisson-init'), [], { encoding: 'utf8' });
  assert.equal(plain.status, 125);
  assert.match(plain.stderr, /^caisson-init: must be process 1, is \d+\n$/);
});

test('ignores the words that the kernel passes on from its command line', { skip }, async (context) => {
  const scene = await arrange(context, { cmd: 'probe\nexit\n0' });
  const lines = await scene.run(['nomodules', '--simulated', '--fabric', '/fabric', '--cid', '16', 'x=y']);
  assert.equal(lines.at(-1), 'caisson-init: exit 0');
});

test('is fewer than 1,500 lines of C, and no file of it has 400', () => {
  const folder = join(import.meta.dirname, '../../pid1');
  const files = globSync('*.c', { cwd: folder }).map((file) => readFileSync(join(folder, file), 'utf8').split('\n'));
  const code = files.flat().filter((line) => !/^\s*(\/\/.*)?$/.test(line));
  assert.ok(code.length > 500 && code.length < 1_500, `${code.length} lines`);
  assert.ok(files.every((lines) => lines.length < 400));
});

test('is static, stripped and below 1 MiB', { skip }, () => {
  const file = join(built, 'caisson-init');
  const words = ['--dynamic', '--program-headers', '--section-headers', '--wide', file];
  const { status, stdout } = spawnSync('readelf', words, { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /GNU_STACK/);
  assert.doesNotMatch(stdout, /NEEDED|INTERP|\.symtab/);
  assert.ok(statSync(file).size < 1024 * 1024, `${statSync(file).size} bytes`);
});

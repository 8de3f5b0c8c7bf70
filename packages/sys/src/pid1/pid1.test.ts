// PID 1 as process 1: in a PID, mount and network namespace of its own, with a root made for it, simulated. What is
// different on hardware (devtmpfs, modules, entropy, real vsock) is for the VM suite.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';

// `CAISSON_PID1=sanitize` takes what `scripts/pid1.ts --sanitize` builds: undefined behaviour then ends it with a trap.
const variant = process.env['CAISSON_PID1'] === 'sanitize' ? '-sanitize' : '';
const built = join(import.meta.dirname, `../../build/linux-${process.arch}${variant}`);
const namespaces = ['--pid', '--fork', '--mount', '--net', '--kill-child=SIGKILL'];
const skip = whyNot();

function whyNot(): string | false {
  if (process.platform !== 'linux') return 'PID 1 is a Linux program';
  if (!existsSync(join(built, 'caisson-init'))) return 'caisson-init is not built (no C compiler or no static libc)';
  const probe = spawnSync('unshare', [...namespaces, 'true']);
  return probe.status !== 0 && `unshare ${namespaces.join(' ')} is not allowed here: ${probe.stderr}`.trim();
}

interface Scene {
  readonly folder: string;
  /** Resolves with the lines on the console at the end; at most 30 s. */
  run(words?: readonly string[]): Promise<string[]>;
  start(words?: readonly string[]): ChildProcess;
}

/** A root in AWS's layout and a parent that answers the heartbeat; all gone after the test. */
async function arrange(
  context: TestContext,
  layout: { cmd?: string | Uint8Array; env?: string; answer?: (socket: Socket) => void },
): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'rootfs/bin'), { recursive: true });
  mkdirSync(join(folder, 'fabric/3'), { recursive: true });
  copyFileSync(join(built, 'caisson-init'), join(folder, 'init'));
  copyFileSync(join(built, 'caisson-init-probe'), join(folder, 'rootfs/bin/probe'));
  if (layout.cmd !== undefined) writeFileSync(join(folder, 'cmd'), layout.cmd);
  writeFileSync(join(folder, 'env'), layout.env ?? 'PATH=/bin\n');
  const sockets = new Set<Socket>();
  const parent: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    (layout.answer ?? echoHeartbeat)(socket);
  });
  parent.listen(join(folder, 'fabric/3/9000'));
  await once(parent, 'listening');
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    parent.close();
  });
  const start = (words: readonly string[] = ['--simulated', '--fabric', '/fabric', '--cid', '16']): ChildProcess =>
    spawn('unshare', [...namespaces, `--root=${folder}`, '/init', ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 30_000,
    });
  return {
    folder,
    start,
    async run(words) {
      const child = start(words);
      const text = readAll(child);
      await once(child, 'close');
      return (await text).split('\n').filter((line) => line !== '');
    },
  };
}

function echoHeartbeat(socket: Socket): void {
  socket.on('data', (bytes: Buffer) => {
    if (bytes.at(-1) === 0xb7) socket.end(Buffer.of(0xb7));
  });
}

async function readAll(child: ChildProcess): Promise<string> {
  let text = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await Promise.all([once(child.stdout!, 'close'), once(child.stderr!, 'close')]);
  return text;
}

test('runs /cmd with the words of /cmd and the environment of /env, and nothing else', { skip }, async (context) => {
  const scene = await arrange(context, { cmd: 'probe\nlook\ntwo words\n\nlast', env: 'PATH=/bin\nA=b=c\nEMPTY=\n' });
  const lines = await scene.run();
  const only = (start: string): string[] => lines.filter((line) => line.startsWith(start));
  assert.deepEqual(only('argument'), ['argument [two words]', 'argument []', 'argument [last]']);
  assert.deepEqual(only('environment'), ['environment [PATH=/bin]', 'environment [A=b=c]', 'environment [EMPTY=]']);
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
    (await scene.run()).filter((line) => !line.includes('left out')),
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
  const child = scene.start();
  readAll(child);
  // pid_namespaces(7): RB_AUTOBOOT of its process 1 kills the namespace with SIGHUP.
  const [code, signal] = await once(child, 'close');
  assert.ok(signal === 'SIGHUP' || code === 129, `code ${code}, signal ${signal}`);
});

test('R-I1: reaps every orphan, so that a storm of them leaves no zombie', { skip }, async (context) => {
  const rounds = process.env['CAISSON_LANE'] === 'deep' ? 10 : 1;
  for (let round = 0; round < rounds; round += 1) {
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
    const child = scene.start();
    const text = readAll(child);
    await Promise.race([once(child.stdout!, 'data'), once(child, 'close')]);
    // The one child of unshare is process 1 of the namespace.
    const { stdout } = spawnSync('cat', [`/proc/${child.pid}/task/${child.pid}/children`], { encoding: 'utf8' });
    process.kill(Number(stdout.trim()), signal);
    await once(child, 'close');
    assert.match(await text, new RegExp(`signal ${number}\ncaisson-init: exit 7\n$`));
  }
});

test('a broken image ends with the step, its object and the reason, and never starts the command', {
  skip,
}, async (context) => {
  const broken = [
    [{}, /^caisson-init: command \/cmd: No such file or directory \(the image must hold/],
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
      socket.once('data', (line: Buffer) => {
        assert.equal(line.toString('latin1'), 'CAISSON-FABRIC/1 16 9000\n\xb7');
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

test('is static, stripped and below 1 MiB', { skip }, () => {
  const file = join(built, 'caisson-init');
  const words = ['--dynamic', '--program-headers', '--section-headers', '--wide', file];
  const { status, stdout } = spawnSync('readelf', words, { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /GNU_STACK/);
  assert.doesNotMatch(stdout, /NEEDED|INTERP|\.symtab/);
  assert.ok(statSync(file).size < 1024 * 1024, `${statSync(file).size} bytes`);
});

// A simulated enclave without a room, as caisson-sim makes it: what programs of a folder are told of where they are, whose loader starts them, what a
// service that is shut in may still do. Where it is chosen and how it ends is for the scenario of the backend.
import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { pid1Built } from '@caisson/testkit/pid1';

const helper = join(pid1Built, 'caisson-sim');
const probe = join(pid1Built, 'caisson-init-probe');
const isRoot = process.getuid?.() === 0;
const skip = !existsSync(helper) && 'caisson-sim is not built';
// A dynamic program of this machine, what it needs, and the loader that starts it.
const cat = '/bin/cat';
const needed = [...spawnSync('ldd', [cat], { encoding: 'utf8' }).stdout.matchAll(/(\/\S+) \(0x/g)].map(
  ([, path = '']) => path,
);
const noLoader = skip || (!needed.some((path) => /ld-linux/.test(path)) && 'no dynamic program with glibc here');

interface Plain {
  readonly target: string;
  readonly root: string;
  /** Lines of the console, at the end. */
  run(): Promise<string[]>;
  start(): Promise<{ readonly pid: number; readonly ended: Promise<string[]>; end(): Promise<string[]> }>;
}

interface Layout {
  readonly cmd: readonly string[];
  readonly env?: readonly string[];
  /** By path in the image: a file of this machine, or text. */
  readonly files?: Readonly<Record<string, { readonly of: string } | string>>;
}

async function arrange(
  context: TestContext,
  kind: 'chroot' | 'folder',
  { cmd, env = ['PATH=/bin'], files = {} }: Layout,
): Promise<Plain> {
  const target = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(target, { recursive: true }));
  const root = join(target, 'rootfs');
  const fabric = join(root, 'run/caisson/fabric');
  for (const path of [join(fabric, '3'), join(root, 'dev'), join(root, 'tmp')])
    mkdirSync(path, { recursive: true, mode: 0o700 });
  const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
  writeFileSync(join(target, 'cmd'), text(cmd));
  writeFileSync(join(target, 'env'), text(env));
  for (const [path, content] of Object.entries({ '/bin/probe': { of: probe }, ...files })) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    if (typeof content === 'string') writeFileSync(join(root, path), content, { mode: 0o755 });
    else copyFileSync(content.of, join(root, path));
  }
  for (const path of [join(fabric, '3/9000'), join(target, 'nsm')]) {
    const server = createServer((socket) => {
      socket.on('error', () => {}).on('data', (bytes: Buffer) => bytes.at(-1) === 0xb7 && socket.end(Buffer.of(0xb7)));
    });
    await once(server.listen(path), 'listening');
    context.after(() => server.close());
  }
  const start = async () => {
    const init = ['caisson-init', '--simulated', '--fabric', fabric, '--cid', '16'];
    const child = spawn(helper, ['--plain', kind, target, join(target, 'nsm'), ...init], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: {},
      // Not longer than the test.
      timeout: 300_000,
      killSignal: 'SIGKILL',
    });
    let console = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (piece: Buffer) => (console += piece.toString()));
    const control = child.stdio[3] as Duplex;
    const ended = once(child, 'close').then(() => console.split('\n').filter(Boolean));
    let said = '';
    const heard = new Promise<number>((resolve, reject) => {
      control
        .on('error', () => {})
        .on('data', (piece: Buffer) => {
          said += piece.toString();
          const [, word, number] = /^(init|fault) (.*)\n/m.exec(said) ?? [];
          if (word === 'init') resolve(Number(number));
          if (word === 'fault') reject(new Error(number));
        });
      void ended.then(() => reject(new Error(said)));
    });
    control.write('g');
    const end = (): Promise<string[]> => {
      control.destroy();
      return ended;
    };
    return { pid: await heard, end, ended };
  };
  return { target, root, start, run: async () => await (await start()).ended };
}

const look = (lines: readonly string[], start: string): string[] =>
  lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));

test('in a folder words and variables that name what the image has are led to it, and others stay as they are', {
  skip,
}, async (context) => {
  const { run, root } = await arrange(context, 'folder', {
    cmd: ['probe', 'look', '/etc/own', '--file=/etc/own', '/etc/passwd', 'etc/own', '/'],
    env: [
      'PATH=/bin:/sbin:here',
      'HOME=/home/nobody',
      'OWN=/etc/own',
      'OTHER=/etc/passwd',
      'SOCKET=unix:/dev/caisson-nsm',
    ],
    files: { '/etc/own': 'own' },
  });
  const lines = await run();
  deepEqual(look(lines, 'argument '), [
    ...[`[${root}/etc/own]`, `[--file=${root}/etc/own]`, '[/etc/passwd]', '[etc/own]', `[${root}/]`],
  ]);
  deepEqual(look(lines, 'environment '), [
    ...[`[PATH=${root}/bin:${root}/sbin:here]`, `[HOME=${root}/home/nobody]`, `[OWN=${root}/etc/own]`],
    ...['[OTHER=/etc/passwd]', `[SOCKET=unix:${root}/dev/caisson-nsm]`],
    ...[`[CAISSON_VSOCK=fabric:${root}/run/caisson/fabric]`, '[CAISSON_CID=16]', `[CAISSON_ROOT=${root}]`],
    `[CAISSON_NSM=unix:${root}/dev/caisson-nsm]`,
  ]);
  equal(lines.at(-1), 'caisson-init: exit 0');
});

test('in a folder a program of this machine is not taken for one that the image lacks, by path or by name', {
  skip,
}, async (context) => {
  for (const word of [cat, 'cat', '/bin/nobody']) {
    const lines = await (await arrange(context, 'folder', { cmd: [word, '/etc/passwd'] })).run();
    deepEqual(lines.slice(-2), [`caisson-init: exec ${word}: No such file or directory`, 'caisson-init: exit 127']);
  }
});

test('in a folder a dynamic program is started by the image’s own loader with its libraries, or not at all', {
  skip: noLoader,
}, async (context) => {
  const own = Object.fromEntries([cat, ...needed].map((path) => [path, { of: path }]));
  const files = { ...own, '/etc/own': 'words of the image\n' };
  const all = await (await arrange(context, 'folder', { cmd: ['cat', '/etc/own', '/proc/self/maps'], files })).run();
  ok(all.includes('words of the image'), all.join('\n'));
  const libraries = all.filter((line) => /\.so/.test(line)).map((line) => line.slice(line.indexOf('/')));
  ok(libraries.length > 0 && libraries.every((path) => /^\/.*\/rootfs\//.test(path)), libraries.join('\n'));
  const few = Object.fromEntries(Object.entries(files).filter(([path]) => !/ld-linux/.test(path)));
  const lines = await (await arrange(context, 'folder', { cmd: ['cat', '/etc/own'], files: few })).run();
  const { root, word } =
    /^caisson-init: (?<root>\/.*\/rootfs)\/bin\/cat needs (?<word>\S+), which the image lacks$/m.exec(lines.join('\n'))!
      .groups!;
  ok(root !== undefined && needed.includes(word!), lines.join('\n'));
  equal(lines.at(-1), 'caisson-init: exit 127');
  doesNotMatch(lines.join('\n'), /words of the image/);
});

test('in a folder a script is started by the image’s interpreter, with its one option, also through another script', {
  skip,
}, async (context) => {
  const files = { '/bin/one': '#! /bin/probe look\n', '/bin/two': '#!/bin/one\n', '/bin/same': '#!/bin/same\n' };
  const { run, root } = await arrange(context, 'folder', { cmd: ['two', 'last'], files });
  deepEqual(look(await run(), 'argument '), [`[${root}/bin/one]`, `[${root}/bin/two]`, '[last]']);
  const lines = await (await arrange(context, 'folder', { cmd: ['same'], files })).run();
  match(lines.at(-1)!, /exit 12[67]$/);
});

test('shut in, a service sees the image as its root, has its own variables, and none of root’s rights over the machine', {
  skip: skip || (!isRoot && 'not root'),
}, async (context) => {
  const looked = await (await arrange(context, 'chroot', { cmd: ['/bin/probe', 'look', '/etc/own'] })).run();
  deepEqual(look(looked, 'argument '), ['[/etc/own]']);
  deepEqual(look(looked, 'environment '), [
    ...['[PATH=/bin]', '[CAISSON_VSOCK=fabric:/run/caisson/fabric]', '[CAISSON_CID=16]'],
    '[CAISSON_NSM=unix:/dev/caisson-nsm]',
  ]);
  const { start, root } = await arrange(context, 'chroot', { cmd: ['/bin/probe', 'wait'] });
  const { pid, end } = await start();
  const service = await childOf(pid, 'probe');
  equal(readlinkSync(`/proc/${service}/root`), root);
  const status = readFileSync(`/proc/${service}/status`, 'latin1');
  // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID and NET_BIND_SERVICE of linux/capability.h.
  const kept = [0, 1, 3, 4, 5, 6, 7, 10].reduce((sum, bit) => sum + 2 ** bit, 0);
  for (const set of ['CapPrm', 'CapEff', 'CapBnd']) {
    equal(
      Number.parseInt(new RegExp(`^${set}:\t([0-9a-f]+)$`, 'm').exec(status)![1]!, 16) & ~kept,
      0,
      `${set}\n${status}`,
    );
  }
  await end();
  while (existsSync(`/proc/${service}`)) await new Promise(setImmediate);
});

test('what cannot be set is a fault with its place, and nothing runs', { skip }, async (context) => {
  const { start, target } = await arrange(context, 'folder', { cmd: ['probe', 'wait'] });
  rmSync(join(target, 'rootfs/dev'), { recursive: true });
  await start().then(
    () => ok(false),
    (error: Error) => match(error.message, /^furnish rootfs\/dev\/caisson-nsm: No such file or directory$/),
  );
});

async function childOf(pid: number, name: string): Promise<number> {
  for (const untilMs = performance.now() + 60_000; performance.now() < untilMs; await new Promise(setImmediate)) {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
    const found = children.find((one) => readFileSync(`/proc/${one}/comm`, 'latin1') === `${name}\n`);
    if (found !== undefined) return found;
  }
  throw new Error(`process ${pid} has started no ${name}`);
}

const ask = (before: readonly string[], ...words: string[]): string => {
  const [program = '', ...rest] = [...before, helper, '--probe', ...words];
  return spawnSync(program, rest, { encoding: 'utf8' }).stdout;
};
const hasRoom = !skip && ask([]) === 'room \n';

test('says what the kernel gives to whoever asks, by the steps of a start, and leaves nothing', {
  skip: skip || (!isRoot && 'needs root, to take rights from it') || (!hasRoom && 'the kernel gives no room here'),
}, (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const none = ['unshare', '--user', '--map-root-user', 'sh', '-c'];
  const forbidden = [...none, 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"', 'sh'];
  const without = (rights: string): string[] => ['setpriv', '--bounding-set', rights, '--'];
  equal(ask(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--']), 'room \n');
  equal(ask([], folder), 'room \n');
  match(ask(without('-sys_admin'), folder), /^single mount namespace: /);
  // Rights over a user namespace are none over devices.
  match(ask(forbidden, folder), /^folder .*namespace: /);
  match(ask(forbidden), /^folder .*namespace: /);
  const shown = ['unshare', '--mount', 'sh', '-c', 'mount --rbind / "$0" && exec chroot "$0" "$@"', folder];
  match(ask([...shown, ...without('-sys_admin')], tmpdir()), /^chroot .*namespace: /);
  for (const right of ['sys_chroot', 'mknod', 'setpcap']) {
    match(ask([...shown, ...without(`-sys_admin,-${right}`)], tmpdir()), /^folder .*namespace: /, right);
  }
  deepEqual(readdirSync(folder), []);
});

// What a started process is given, what is refused before it starts, and what is said when it cannot.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { OpenProcessHost, ProcessHostEvent, ProcessRequest } from '@caisson/sys';
import type { Supervised } from '@caisson/testkit/pid1';
import { arrangeSupervised, heldStreams, probeRequest, pid1Skip as skip } from '@caisson/testkit/pid1';

// Chosen.
const timeout = 300_000;

interface Arranged extends Supervised {
  readonly host: OpenProcessHost;
}

async function arrange(context: TestContext): Promise<Arranged> {
  const scene = await arrangeSupervised(context);
  return { ...scene, host: await scene.nextHost() };
}

/** Resolves with the end and forgets the entry. */
async function runToEnd(host: OpenProcessHost, request: ProcessRequest): Promise<ProcessHostEvent> {
  const ended = new Promise<ProcessHostEvent>((resolve) => {
    host.onEvent((event) => event.kind === 'ended' && event.entry.name === request.name && resolve(event));
  });
  const identity = await host.start(request);
  const event = await ended;
  await host.forget(request.name, identity);
  return event;
}

async function look(scene: Arranged, other: Partial<ProcessRequest>, words: readonly string[] = []): Promise<string[]> {
  writeFileSync(scene.inside('/door/out'), '');
  const streams = { stdin: null, stdout: '/door/out', stderr: '/door/out' };
  await runToEnd(scene.host, probeRequest('look', ['look', ...words], { streams, ...other }));
  return readFileSync(scene.inside('/door/out'), 'utf8').split('\n');
}

test('a process has its words, its variables, descriptors 0 to 2 and nothing else of PID 1', {
  skip,
  timeout,
}, async (context) => {
  const scene = await arrange(context);
  const lines = await look(scene, { env: { A: 'b=c', EMPTY: '' } }, ['two words', '', 'ünïcode', '']);
  const only = (start: string): string[] => lines.filter((line) => line.startsWith(start));
  deepEqual(only('argument'), ['argument [two words]', 'argument []', 'argument [ünïcode]', 'argument []']);
  deepEqual(only('environment'), ['environment [A=b=c]', 'environment [EMPTY=]']);
  deepEqual(only('descriptor'), ['descriptor 0', 'descriptor 1', 'descriptor 2']);
  deepEqual(only('parent'), ['parent 1 session own']);
  deepEqual(only('SIGTERM'), ['SIGTERM free']);
});

test('a process has the user, folder, umask, limits, score and privileges of its request', {
  skip,
  timeout,
}, async (context) => {
  const scene = await arrange(context);
  const lines = await look(scene, {
    uid: 1234,
    gid: 2345,
    cwd: '/dev',
    umask: 0o027,
    limitNofile: 77,
    oomScoreAdjust: 500,
    noNewPrivileges: true,
  });
  ok(lines.includes('folder /dev uid 1234 gid 2345 groups 1'), lines.join('\n'));
  ok(lines.includes('umask 027 privileges 1'));
  ok(lines.includes('nofile 77 core 0'));
  ok(lines.includes('oom 500'), lines.join('\n'));
  const root = await look(scene, { noNewPrivileges: false });
  ok(root.includes('folder / uid 0 gid 0 groups 0') && root.includes('umask 022 privileges 0'));
});

test('file systems are mounted so that nothing runs from what is writable, and no user sees another’s processes', {
  skip,
  timeout,
}, async (context) => {
  const mounts = (await look(await arrange(context), {})).filter((line) => line.startsWith('mount '));
  const flagsOf = (target: string): string => mounts.findLast((line) => line.split(' ')[2] === target) ?? '';
  for (const target of ['/proc', '/sys', '/run', '/tmp', '/dev/shm'])
    match(flagsOf(target), /nosuid,nodev,noexec/, target);
  match(flagsOf('/proc'), /hidepid=(2|invisible)/);
});

test('a program is found by the PATH it will have, and never by the folder it stands in', {
  skip,
  timeout,
}, async (context) => {
  const { host } = await arrange(context);
  const request = (PATH: string): ProcessRequest => ({
    ...probeRequest('web', []),
    argv: ['probe', 'exit', '5'],
    env: { PATH },
  });
  const event = await runToEnd(host, request('/nowhere:/bin'));
  ok(event.kind === 'ended' && event.entry.end.kind === 'exit' && event.entry.end.code === 5);
  for (const path of ['', ':', '/nowhere', 'bin']) {
    await rejects(host.start(request(path)), { code: 'ENOENT', syscall: 'exec' }, path);
  }
});

test('a start that fails says the step and the reason, and leaves no process, entry or FIFO', {
  skip,
  timeout,
}, async (context) => {
  const scene = await arrange(context);
  const { host } = scene;
  writeFileSync(scene.inside('/door/text'), 'no program\n');
  writeFileSync(scene.inside('/door/script'), '#!/nowhere\n');
  for (const name of ['text', 'script']) chmodSync(scene.inside(`/door/${name}`), 0o755);
  const file = (stdout: string): Partial<ProcessRequest> => ({ streams: { stdin: null, stdout, stderr: null } });
  const cases: readonly (readonly [Partial<ProcessRequest>, string, string])[] = [
    [{ argv: ['/bin/nothing'] }, 'exec', 'ENOENT'],
    [{ argv: ['/proc'] }, 'exec', 'EACCES'],
    [{ argv: ['/bin/probe/x'] }, 'exec', 'ENOTDIR'],
    // Never handed to a shell.
    [{ argv: ['/door/text'] }, 'exec', 'ENOEXEC'],
    [{ argv: ['/door/script'] }, 'exec', 'ENOENT'],
    [{ cwd: '/nowhere' }, 'chdir', 'ENOENT'],
    [{ cwd: '/bin/probe' }, 'chdir', 'ENOTDIR'],
    [{ limitNofile: 2_000_000_000 }, 'limits', 'EPERM'],
    [{ streams: { stdin: '/nowhere', stdout: null, stderr: null } }, 'stdin', 'ENOENT'],
    [file('/nowhere'), 'stdout', 'ENOENT'],
    // A FIFO that nobody reads must not hold the child for ever.
    [file('/door/fifo'), 'stdout', 'ENXIO'],
    [{ streams: { stdin: null, stdout: null, stderr: '/proc' } }, 'stderr', 'EISDIR'],
    [
      { streams: { stdin: '/dev/null', stdout: '/dev/null', stderr: '/dev/null', terminal: true } },
      'terminal',
      'ENOTTY',
    ],
  ];
  await runToEnd(host, probeRequest('fifo', ['mkfifo', '/door/fifo']));
  for (const [other, syscall, code] of cases) {
    const request = probeRequest('web', ['exit', '0'], other);
    await rejects(host.start(request), { syscall, code }, `${syscall} ${code}`);
  }
  await rejects(host.start(probeRequest('web', [], { argv: ['/bin/nothing'], streams: heldStreams('web') })), {
    code: 'ENOENT',
  });
  equal(existsSync(scene.inside('/run/caisson/log/web.out')), false);
  deepEqual(await host.table(), []);
});

test('hostile names, paths, words and numbers are refused with EINVAL or E2BIG, and PID 1 goes on', {
  skip,
  timeout,
}, async (context) => {
  const { host } = await arrange(context);
  const refused = async (other: Partial<ProcessRequest>, code = 'EINVAL'): Promise<void> => {
    const request = { ...probeRequest('web', ['exit', '0']), ...other };
    await rejects(host.start(request), { code }, JSON.stringify(other).slice(0, 200));
  };
  for (const name of ['', '.', '..', '.web', 'a/b', '../web', 'a b', 'a\nb', '\x1b[2J', 'x'.repeat(128), '\x7f']) {
    await refused({ name });
  }
  for (const cgroup of ['/', '/web', 'web/', 'a//b', '..', 'a/../b', './a', 'a/.', 'x'.repeat(128)])
    await refused({ cgroup });
  const held = (stdout: string): ProcessRequest['streams'] => ({ stdin: null, stdout, stderr: null, hold: true });
  for (const path of ['/etc/passwd', '/run/caisson/log/other.out', '/run/caisson/log/web.err', 'web.out']) {
    await refused({ streams: held(path) });
  }
  for (const other of [{ argv: [] }, { argv: [''] }, { cwd: '' }, { cwd: 'bin' }, { umask: 0o1000 }])
    await refused(other);
  for (const other of [
    { uid: 0xffff_ffff },
    { gid: 0xffff_ffff },
    { oomScoreAdjust: 1001 },
    { oomScoreAdjust: -1001 },
  ]) {
    await refused(other);
  }
  await refused({ env: { '': 'x' } });
  await refused({ argv: Array.from({ length: 1025 }, () => 'x') }, 'E2BIG');
  await refused({ env: { LONG: 'x'.repeat(8192) } }, 'E2BIG');
  const event = await runToEnd(host, probeRequest('a'.repeat(127), ['exit', '0']));
  equal(event.kind, 'ended');
});

test('a held FIFO is made 0600 in a folder of root’s, and is never another file', {
  skip,
  timeout,
}, async (context) => {
  const scene = await arrange(context);
  const { host } = scene;
  const path = scene.inside('/run/caisson/log/web.out');
  writeFileSync(path, 'a file');
  const request = probeRequest('web', ['wait'], { streams: heldStreams('web') });
  await rejects(host.start(request), { code: 'EEXIST', syscall: 'fifo' });
  equal(readFileSync(path, 'utf8'), 'a file');
  await runToEnd(host, probeRequest('fifo', ['mkfifo', '/door/fifo']));
  symlinkSync('/door/fifo', scene.inside('/run/caisson/log/link.out'));
  await rejects(host.start({ ...request, name: 'link', streams: heldStreams('link') }), {
    syscall: 'fifo',
    code: 'ELOOP',
  });
  mkdirSync(scene.inside('/run/caisson/log/dir.out'));
  await rejects(host.start({ ...request, name: 'dir', streams: heldStreams('dir') }), { syscall: 'fifo' });
});

test('a process and all that comes of it is in its cgroup, and SIGKILL by cgroup leaves none', {
  skip,
  timeout,
}, async (context) => {
  const scene = await arrange(context);
  const { host } = scene;
  const name = `caisson-test-${randomBytes(4).toString('hex')}`;
  const folder = scene.inside(`/sys/fs/cgroup/${name}`);
  if (!existsSync(scene.inside('/sys/fs/cgroup/cgroup.procs'))) {
    await rejects(host.start(probeRequest('web', ['leave'], { cgroup: name })), { syscall: 'cgroup', code: 'ENODEV' });
    context.skip('this kernel has no cgroup2, and a start into one was refused');
    return;
  }
  const ended = new Promise((resolve) => host.onEvent(resolve));
  const identity = await host.start(probeRequest('web', ['leave'], { cgroup: `${name}/web` }));
  await ended;
  const left = (): string => readFileSync(`${folder}/web/cgroup.procs`, 'utf8').trim();
  match(left(), /^\d+$/);
  await host.signal('web', identity, 9, 'cgroup');
  while (left() !== '') await new Promise((resolve) => setImmediate(resolve));
  await host.forget('web', identity);
  equal(existsSync(`${folder}/web`), false, 'the folder is gone with the entry');
  await runToEnd(host, probeRequest('parent', ['exit', '0'], { cgroup: name }));
  equal(existsSync(folder), false);
});

test('without a cgroup the session stands for it: what a process left behind is reached too', {
  skip,
  timeout,
}, async (context) => {
  const { host, run } = await arrange(context);
  const ended = new Promise((resolve) => host.onEvent(resolve));
  const identity = await host.start(probeRequest('web', ['leave']));
  await ended;
  const children = (): string => readFileSync(`/proc/${run.pid()}/task/${run.pid()}/children`, 'utf8').trim();
  equal(children().split(' ').length, 2, 'the supervisor and the one left behind');
  await host.signal('web', identity, 9, 'cgroup');
  while (children().split(' ').length > 1) await new Promise((resolve) => setImmediate(resolve));
  await rejects(host.signal('web', identity, 9, 'cgroup'), { code: 'ESRCH' });
});

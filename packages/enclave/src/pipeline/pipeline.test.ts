// Commands and jobs as children of the real PID 1.
import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import type { CommandRequest, JobHost } from '@caisson/link/pipeline';
import { createLinuxKernel, loadAddon, type ProcessHost } from '@caisson/sys';
import { arrangeSupervised, pid1Skip } from '@caisson/testkit/pid1';
import { createCommandStarter } from './command-starter.ts';
import { EndWatch } from './end-watch.ts';
import { openJobs } from './job-desk.ts';
import { KEPT_FILE_BYTES } from './kept-output.ts';

const skip = pid1Skip || (loadAddon().addon === undefined && 'the addon is not built');
const kernel = createLinuxKernel();

async function arrange(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-pipe-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const binds = { '/usr': '/usr', '/lib': '/lib', '/lib64': '/lib64', '/dev': '/dev', '/outer-pts': '/dev/pts' };
  const { nextHost, inside, supervisorPid } = await arrangeSupervised(context, { binds });
  const first = await nextHost();
  // Now there is a process 1 to look through.
  const top = inside('');
  const jobsOf = (host: ProcessHost): Promise<JobHost> =>
    openJobs({
      watch: new EndWatch(host),
      hasCgroups: false,
      folder: `${folder}/jobs`,
      fifoFolder: inside('/run/caisson/log'),
    });
  /** PID 1 sees its own paths, and this machine's terminals elsewhere. */
  const own = (path: string | null): string | null =>
    path?.replace(top, '').replace(/^\/dev\/pts\//, '/outer-pts/') ?? null;
  const seen = (host: ProcessHost): ProcessHost => ({
    table: () => host.table(),
    start(request) {
      const { stdin, stdout, stderr, ...rest } = request.streams;
      const streams = { stdin: own(stdin), stdout: own(stdout), stderr: own(stderr), ...rest };
      return host.start({ ...request, streams });
    },
    signal: (...words) => host.signal(...words),
    forget: (...words) => host.forget(...words),
    end: (code) => host.end(code),
    onEvent: (listener) => host.onEvent(listener),
  });
  const host = seen(first);
  const starterOf = (of: ProcessHost) =>
    createCommandStarter({ watch: new EndWatch(of), kernel, folder: inside('/run/caisson/exec'), hasCgroups: false });
  return { folder, host, inside, supervisorPid, nextHost: async () => seen(await nextHost()), jobsOf, starterOf };
}

const request = (script: string, more: Partial<CommandRequest> = {}): CommandRequest => ({
  argv: ['/usr/bin/sh', '-c', script],
  env: [],
  cwd: null,
  user: null,
  timeoutMs: null,
  terminal: null,
  hasInput: false,
  ...more,
});

async function textOf(stream: AsyncIterable<Uint8Array> | Readable): Promise<string> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  } catch (error) {
    // A terminal's end of file.
    equal((error as NodeJS.ErrnoException).code, 'EIO');
  }
  return Buffer.concat(chunks).toString();
}

test('a command has three descriptors, its input with its end, its outputs apart, its own code', {
  skip,
}, async (context) => {
  const { host, inside, starterOf } = await arrange(context);
  const starter = starterOf(host);
  const command = await starter.start(
    request('cat; ls /proc/self/fd | wc -l; env | sort | cut -d= -f1 | tr "\\n" " "; pwd; echo no >&2; exit 9', {
      hasInput: true,
      cwd: '/usr',
    }),
    { TZ: 'UTC' },
  );
  command.stdin!.end('typed\n');
  const [out, err, end] = await Promise.all([textOf(command.stdout), textOf(command.stderr!), command.ended]);
  // 0, 1, 2 and the folder that ls itself has opened.
  equal(out, 'typed\n4\nHOME LOGNAME PATH PWD TZ USER /usr\n');
  equal(err, 'no\n');
  deepEqual(end, { kind: 'exit', code: 9 });
  command.release();
  deepEqual(readdirSync(inside('/run/caisson/exec')), []);
  const many = await Promise.all(Array.from({ length: 8 }, (_, index) => starter.start(request(`exit ${index}`), {})));
  deepEqual(
    await Promise.all(many.map(({ ended }) => ended)),
    many.map((_, code) => ({ kind: 'exit', code })),
  );
  for (const one of many) one.release();
  await rejects(starter.start({ ...request(''), argv: ['/no/such'] }, {}), {
    code: 'PIPELINE_START',
    message: /^start \/no\/such: /,
  });
  await rejects(starter.start(request('true', { user: 'nobody-here' }), {}), { code: 'INIT_ACCOUNT_UNKNOWN' });
  deepEqual(readdirSync(inside('/run/caisson/exec')), []);
});

test('a signal reaches what the command has started', { skip }, async (context) => {
  const { host, starterOf } = await arrange(context);
  const command = await starterOf(host).start(request('sleep 100 & echo up; wait'), {});
  await new Promise((resolve) => command.stdout.once('data', resolve));
  command.signal(9);
  deepEqual(await command.ended, { kind: 'signal', signal: 9 });
  // Nobody has the other end any more.
  equal(await textOf(command.stdout), '');
  command.release();
});

test('a terminal has its size, its echo and its interrupt', { skip }, async (context) => {
  const { host, starterOf } = await arrange(context);
  const terminal = { columns: 91, rows: 17 };
  const command = await starterOf(host).start(
    request('stty size; read x; echo "got $x"; exec sleep 100', { terminal, hasInput: true }),
    {},
  );
  let text = '';
  command.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    command.stdout.emit('text');
  });
  const got = async (what: RegExp): Promise<void> => {
    while (!what.test(text)) await once(command.stdout, 'text');
  };
  await got(/17 91\r\n/);
  command.stdin!.write('hello\r');
  await got(/got hello/);
  command.stdin!.write('\x03');
  deepEqual(await command.ended, { kind: 'signal', signal: 2 });
  match(text, /^17 91\r\nhello\r\ngot hello\r\n/);
  command.release();
});

test('a job goes on without a supervisor, keeps its newest output and is taken up by the next', {
  skip,
}, async (context) => {
  const { host, nextHost, jobsOf, supervisorPid } = await arrange(context);
  const jobs = await jobsOf(host);
  const start = { cwd: null, user: null, timeoutMs: null, variables: {}, operator: 'ada' };
  const quick = await jobs.start({ ...start, argv: ['/usr/bin/sh', '-c', 'echo a; echo b >&2; exit 4'] });
  match(quick.name, /^job-[a-z2-7]{8}$/);
  const { signal } = new AbortController();
  equal(await textOf(jobs.read(quick.name, 'stdout', true, signal)), 'a\n');
  deepEqual(await jobs.wait(quick.name, signal), { kind: 'exit', code: 4 });
  equal(await textOf(jobs.read(quick.name, 'stderr', false, signal)), 'b\n');
  const loud = await jobs.start({ ...start, argv: ['/usr/bin/sh', '-c', 'yes | head -c 5000000; printf end'] });
  await jobs.wait(loud.name, signal);
  const kept = await textOf(jobs.read(loud.name, 'stdout', false, signal));
  ok(
    kept.length <= 2 * KEPT_FILE_BYTES && kept.length + jobs.find(loud.name).droppedBytes === 5_000_003,
    `${kept.length}`,
  );
  ok(kept.endsWith('y\nend'));

  const long = await jobs.start({ ...start, argv: ['/usr/bin/sh', '-c', 'echo before; sleep 100'] });
  process.kill(supervisorPid()!, 'SIGKILL');
  const next = await jobsOf(await nextHost());
  deepEqual(next.find(quick.name).end, { kind: 'exit', code: 4 });
  equal(await textOf(next.read(quick.name, 'stdout', true, signal)), 'a\n');
  equal(next.find(long.name).end, null);
  next.signal(long.name, 15);
  deepEqual(await next.wait(long.name, signal), { kind: 'signal', signal: 15 });
  equal(await textOf(next.read(long.name, 'stdout', false, signal)), 'before\n');
  throws(() => next.find('job-aaaaaaaa'), { code: 'PIPELINE_JOB_UNKNOWN' });
});

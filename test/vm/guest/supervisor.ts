// A small supervisor on fd 3 of the real PID 1. Its first life starts services and dies; the next finds them, looks at what
// they are, stops them and says the end. What it saw goes to the console, since nothing else is left of it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { OpenProcessHost, ProcessEnd, ProcessIdentity, ProcessRequest } from '@caisson/sys';
import { createLinuxKernel, openProcessHost } from '@caisson/sys';

const host = openProcessHost();

const request = (name: string, words: readonly string[]): ProcessRequest => ({
  name,
  argv: ['/bin/probe', ...words],
  env: {},
  cwd: '/',
  uid: 1000,
  gid: 1000,
  umask: 0o022,
  limitNofile: 1024,
  noNewPrivileges: true,
  oomScoreAdjust: -500,
  cgroup: name,
  streams: { stdin: null, stdout: `/run/caisson/log/${name}.out`, stderr: null, hold: true },
});

function nextEnd(from: OpenProcessHost, name: string): Promise<ProcessEnd> {
  return new Promise((resolve) => {
    from.onEvent((event) => event.kind === 'ended' && event.entry.name === name && resolve(event.entry.end));
  });
}

async function stop(name: string, identity: ProcessIdentity): Promise<ProcessEnd> {
  const end = nextEnd(host, name);
  await host.signal(name, identity, 15, 'cgroup');
  const seen = await end;
  await host.forget(name, identity);
  return seen;
}

function zombies(): number {
  const stats = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return stats.filter((pid) => existsSync(`/proc/${pid}/stat`) && / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')))
    .length;
}

const table = await host.table();
if (table.length === 0) {
  const failure = await host
    .start({ ...request('lost', []), argv: ['/bin/nothing'] })
    .catch((error: Error) => error.message);
  console.log(`report ${JSON.stringify({ failure })}`);
  const left = nextEnd(host, 'leave');
  await host.start(request('leave', ['leave']));
  await left;
  const { fd, path } = createLinuxKernel().openTerminal({ columns: 80, rows: 24 });
  const streams = { stdin: path, stdout: path, stderr: path, terminal: true };
  const done = nextEnd(host, 'exec-1');
  const terminal = await host.start({ ...request('exec-1', ['wait']), uid: 0, gid: 0, streams });
  // The interrupt key ends what runs in front of it.
  const { WriteStream } = await import('node:tty');
  new WriteStream(fd).write('\x03');
  console.log(`report ${JSON.stringify({ terminal: await done })}`);
  await host.forget('exec-1', terminal);
  await host.start(request('wait', ['wait']));
  if (process.argv[2] === 'stop') process.kill(1, 'SIGTERM');
  process.kill(process.pid, 'SIGKILL');
}
const names = table.map(({ name, end }) => `${name} ${end?.kind ?? 'runs'}`);
const wait = table.find(({ name }) => name === 'wait')!;
const leave = table.find(({ name }) => name === 'leave')!;
const cgroup = readFileSync('/sys/fs/cgroup/leave/cgroup.procs', 'utf8').trim();
const parent = / (\d+) /.exec(readFileSync(`/proc/${cgroup}/stat`, 'utf8').replace(/^.*\) \w/, ''))?.[1];
const status = readFileSync(`/proc/${wait.pid}/status`, 'utf8');
const kept = {
  names,
  parent,
  user: /^Uid:\s+(\d+)/m.exec(status)?.[1],
  privileges: /^NoNewPrivs:\s+(\d)/m.exec(status)?.[1],
  score: readFileSync(`/proc/${wait.pid}/oom_score_adj`, 'utf8').trim(),
  stopped: await stop('wait', wait),
};
await host.signal('leave', leave, 9, 'cgroup');
while (existsSync(`/proc/${cgroup}`)) await new Promise((resolve) => setImmediate(resolve));
await host.forget('leave', leave);
const memory = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync('/proc/1/status', 'utf8'))?.[1]);
console.log(`report ${JSON.stringify({ ...kept, left: (await host.table()).length, zombies: zombies(), memory })}`);
await host.end(42);

// What every machine may lack: time, room, rights, remains; and a caisson.yaml that does not fit.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError } from '@caisson/core/errors';
import { c5Xlarge, createFakeMachine, type FakeMachineParts, laptop } from '@caisson/testkit/machine';
import { parseCompose } from '../../compose/index.ts';
import type { EnclaveRecord, RecordedSpec, RecordedState } from '../../record/index.ts';
import { type Ground, readGround } from '../ground.ts';
import { examine, type Finding } from '../index.ts';
import { readWanted } from '../wanted.ts';

interface Case {
  readonly machine?: readonly FakeMachineParts[];
  readonly yaml?: string;
  readonly records?: readonly EnclaveRecord[];
  readonly fileFault?: string;
  readonly qemu?: string;
}

async function find(
  id: string,
  { machine = laptop, yaml, records = [], fileFault, qemu }: Case,
  ...parts: readonly FakeMachineParts[]
): Promise<readonly Finding[]> {
  const fake = createFakeMachine(...machine, ...parts);
  const ground: Ground = await readGround({
    machine: fake,
    state: '/state',
    operator: '/operator',
    parts: ['/opt/caisson'],
    qemu,
    records: async () => records,
    file: yaml === undefined && fileFault === undefined ? null : 'app.yaml',
    fileFault: fileFault ?? null,
    wanted: yaml === undefined ? [] : readWanted(parseCompose(yaml, 'app.yaml'), '/app/app.yaml', fake),
  });
  return (await examine(ground, { only: [id] })).findings;
}

const texts = (found: readonly Finding[]): string[] => found.map((one) => `${one.level} ${one.found}`);

test('says of a clock who keeps it, how far off it is, and when nobody does', async () => {
  const chrony = (offset: string, how: string): FakeMachineParts => ({
    commands: { 'chronyc -c tracking': `A9FEA97B,169.254.169.123,4,1763.1,${offset},0,0,0,0,0,0,0,16,${how}\n` },
  });
  const none: FakeMachineParts = { commands: { 'chronyc -c tracking': { exitCode: 1 } } };
  assert.deepEqual(texts(await find('clock', {}, chrony('-0.0021', 'Normal'))), ['ok kept by chrony, 2.1 ms off']);
  assert.match(texts(await find('clock', {}, chrony('-4.5', 'Normal')))[0] ?? '', /^warn the clock is 4500 ms off/);
  assert.match(texts(await find('clock', {}, chrony('0.0', 'Not synchronised')))[0] ?? '', /^warn chrony has no time/);
  // A second that is announced is no fault of whoever announces it.
  assert.deepEqual(texts(await find('clock', {}, chrony('0.0', 'Insert second'))), ['ok kept by chrony, 0.0 ms off']);
  assert.match(
    texts(await find('clock', {}, none, { files: { '/run/systemd/timesync/synchronized': '' } }))[0] ?? '',
    /^ok .*timesyncd/,
  );
  const says = (answer: string): FakeMachineParts => ({ commands: { timedatectl: `${answer}\n` } });
  assert.match(texts(await find('clock', {}, none, says('no')))[0] ?? '', /^warn no time server/);
  assert.match(texts(await find('clock', {}, none, says('yes')))[0] ?? '', /^ok/);
  assert.match(texts(await find('clock', {}, none, { nowMs: 0 }))[0] ?? '', /^fail the clock says 1970/);
  assert.match(texts(await find('clock', {}, none))[0] ?? '', /^note/);
});

test('measures room where the state folder will be, also before it is there', async () => {
  assert.deepEqual([...new Set((await find('disk', {})).map(({ level }) => level))], ['ok']);
  assert.match(texts(await find('disk', {}, { freeMiB: 900 })).join(), /warn state folder \(\/state\): 900 MiB free/);
  assert.match(texts(await find('disk', {}, { freeMiB: 10 })).join(), /fail temporary files \(\/tmp\): 10 MiB free/);
});

test('a place for temporary files that is no path from the root is looked at and not looked for for ever', async () => {
  for (const TMPDIR of ['tmp', 'a/b', '.', '/none/at/all', '']) {
    const found = await find('disk', {}, { env: { PATH: '/usr/bin', TMPDIR } });
    assert.deepEqual(
      found.map(({ level }) => level),
      ['ok', 'ok'],
      TMPDIR,
    );
  }
});

test('names limits that a bridge meets, and an old node', async () => {
  const few = {
    files: { '/proc/self/limits': 'Max open files            1024                 4096                 files     \n' },
  };
  assert.match(texts(await find('open-files', {}, few))[0] ?? '', /^warn 1024 open files/);
  assert.match(
    texts(await find('backlog', {}, { files: { '/proc/sys/net/core/somaxconn': '128\n' } }))[0] ?? '',
    /^warn backlog up to 128/,
  );
  assert.match(
    texts(await find('node', {}, { nodeVersion: '20.20.2' }))[0] ?? '',
    /^fail node 20\.20\.2, at least 22\.18/,
  );
  assert.match(texts(await find('addon', {}, { addonFault: 'not built' }))[0] ?? '', /^fail not built/);
  assert.match(texts(await find('platform', {}, { platform: 'darwin' }))[0] ?? '', /^fail darwin/);
});

test('says which switch forbids user namespaces, what a simulated enclave is then, and turns that one', async () => {
  const says = (line: string): FakeMachineParts => ({
    commands: { '/opt/caisson/caisson-sim --probe': `${line}\n` },
  });
  const refuses = says('folder user namespace: Operation not permitted');
  const apparmor = { files: { '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1\n' } };
  const [found] = await find('user-namespaces', {}, refuses, apparmor);
  assert.match(
    found?.found ?? '',
    /plain process of this machine, not isolated, run from a folder: .*kernel\.apparmor_restrict_unprivileged_userns is 1\)$/,
  );
  assert.equal(found?.command, 'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0');
  const none = { files: { '/proc/sys/user/max_user_namespaces': '0\n' } };
  const one = async (...parts: FakeMachineParts[]): Promise<string> =>
    texts(await find('user-namespaces', {}, ...parts))[0] ?? '';
  assert.match(
    await one(says('chroot user namespace: No space left on device'), none),
    /^warn .*services shut into .*user\.max_user_namespaces is 0\)/,
  );
  assert.match(
    await one(refuses, { env: { CAISSON_SIM: 'room' } }),
    /^fail .*\(user namespace: Operation not permitted\), and CAISSON_SIM wants one/,
  );
  assert.match(
    await one(says('single mount namespace: Operation not permitted')),
    /^note .*with one user: mount namespace/,
  );
  assert.match(await one(says('room ')), /^ok a simulated enclave is a room/);
  for (const line of ['', 'room', 'cellar x', 'room \nroom '])
    assert.match(await one(says(line)), /^note caisson-sim does not say/, line);
});

test('knows where root can give a simulated enclave users of its own', async () => {
  const root = (release: string, mounts: string): FakeMachineParts => ({
    uid: 0,
    files: { '/proc/sys/kernel/osrelease': release, '/proc/self/mounts': mounts, '/state/version': '1\n' },
  });
  const level = async (part: FakeMachineParts): Promise<string | undefined> =>
    (await find('mapped-mounts', {}, part))[0]?.level;
  assert.equal(await level(root('6.1.0', '/dev/a / ext4 rw 0 0')), 'ok');
  assert.equal(await level(root('6.1.0', '/dev/a / ext4 rw 0 0\ntmpfs /state tmpfs rw 0 0')), 'warn');
  assert.equal(await level(root('6.3.0', '/dev/a / ext4 rw 0 0\ntmpfs /state tmpfs rw 0 0')), 'ok');
  assert.equal(await level(root('5.10.0', '/dev/a / ext4 rw 0 0')), 'warn');
  assert.equal(await level(root('6.8.0', 'overlay / overlay rw 0 0')), 'warn');
});

test('refuses a state folder and an operator folder that others can write to', async () => {
  const state = (mode: number, version = '1\n'): FakeMachineParts => ({
    files: { '/state/version': version },
    facts: { '/state': { kind: 'folder', mode, uid: 1000 } },
  });
  assert.equal((await find('state-folder', {}, state(0o700)))[0]?.level, 'ok');
  assert.equal((await find('state-folder', {}, state(0o750)))[0]?.command, 'chmod 700 /state');
  assert.match(
    texts(await find('state-folder', {}, state(0o700, '2\n')))[0] ?? '',
    /^fail .* version 2, this program knows 1/,
  );
  assert.match(
    texts(
      await find('state-folder', {}, { ...state(0o700), facts: { '/state': { kind: 'folder', uid: 0, mode: 0o700 } } }),
    )[0] ?? '',
    /^fail .* of user 0/,
  );
  const operator = (mode: number, key: number): FakeMachineParts => ({
    facts: {
      '/operator': { kind: 'folder', mode },
      '/operator/operators/me.key': { kind: 'file', mode: key },
    },
  });
  assert.equal((await find('operator-folder', {}, operator(0o755, 0o600)))[0]?.level, 'ok');
  assert.equal((await find('operator-folder', {}, operator(0o775, 0o600)))[0]?.command, 'chmod go-w /operator');
  assert.equal(
    (await find('operator-folder', {}, operator(0o700, 0o644)))[0]?.command,
    'chmod 600 /operator/operators/me.key',
  );
});

const record = (name: string, phase: RecordedState['phase'], ingress: RecordedSpec['ingress'] = []): EnclaveRecord => ({
  name,
  spec: { ingress } as unknown as RecordedSpec,
  state: { phase, reasons: [], pids: phase === 'ready' ? [1] : [], failure: null } as unknown as RecordedState,
  fault: undefined,
});

test('finds enclaves whose shim is gone and records that cannot be read, with the command for each', async () => {
  const broken = {
    name: 'b',
    spec: undefined,
    state: undefined,
    fault: new CaissonError('RECORD_FORM', 'state of enclave b: is not JSON'),
  };
  const found = await find('enclaves', { records: [record('a', 'lost'), broken, record('c', 'ready')] });
  assert.deepEqual(
    found.map(({ level, command }) => [level, command]),
    [
      ['warn', 'caisson restart a'],
      ['warn', 'caisson rm b'],
    ],
  );
  assert.deepEqual(texts(await find('enclaves', { records: [record('c', 'ready')] })), ['ok 1, of which 1 ready']);
});

test('a QEMU without the machine nitro-enclave is told from none at all', async () => {
  assert.match(texts(await find('qemu', {}))[0] ?? '', /no qemu-system-x86_64$/);
  const plain = { commands: { 'qemu-system-x86_64 -M help': 'pc  Standard PC\n' } };
  assert.match(texts(await find('qemu', {}, plain))[0] ?? '', /lacks the machine nitro-enclave/);
  const broken = {
    commands: {
      'qemu-system-x86_64 -M help': { exitCode: 127, stderr: 'error while loading shared libraries: libcbor.so.0.8' },
    },
  };
  assert.match(
    texts(await find('qemu', {}, broken))[0] ?? '',
    /cannot be started: error while loading shared libraries: libcbor/,
  );
  const own = {
    commands: { '/q/qemu-system-x86_64': 'nitro-enclave  AWS Nitro Enclave\n' },
    files: { '/q/qemu-system-x86_64': '', '/q/vsockd': '' },
  };
  assert.equal((await find('qemu', { qemu: '/q' }, own))[0]?.level, 'ok');
  assert.equal((await find('qemu-vsock', { qemu: '/q' }, own))[0]?.level, 'ok');
});

const web = 'name: web\nresources: { cpus: 2, memoryMiB: 512 }\ningress: ["127.0.0.1:8080:80"]\n';

test('names who has a port that an enclave is to have: another enclave, a process, root', async () => {
  const taken = { listening: { 'tcp:127.0.0.1:8080': 'EADDRINUSE' } };
  const rule = [{ hostAddress: '127.0.0.1', hostPort: 8080, port: 80, vsockPort: 80, holdMs: 0 }];
  assert.equal((await find('ports', { yaml: web }))[0]?.level, 'ok');
  assert.match(texts(await find('ports', { yaml: web }, taken))[0] ?? '', /taken by a process that is not told/);
  const ss = { commands: { ss: 'LISTEN 0 511 127.0.0.1:8080 0.0.0.0:* users:(("nginx",pid=77,fd=6))\n' } };
  assert.match(texts(await find('ports', { yaml: web }, taken, ss))[0] ?? '', /taken by nginx \(process 77\)/);
  const [other] = await find('ports', { yaml: web, records: [record('old', 'ready', rule)] }, taken);
  assert.deepEqual([other?.found, other?.command], ['web: 127.0.0.1:8080 is taken by enclave old', 'caisson stop old']);
  assert.equal((await find('ports', { yaml: web, records: [record('web', 'ready', rule)] }, taken))[0]?.level, 'ok');
  assert.match(
    texts(await find('ports', { yaml: web }, { listening: { 'tcp:127.0.0.1:8080': 'EACCES' } }))[0] ?? '',
    /is for root/,
  );
});

test('holds what a file asks for against what is free for enclaves, and each memory against its image', async () => {
  assert.equal((await find('capacity', { machine: c5Xlarge, yaml: web }))[0]?.level, 'ok');
  const two =
    'enclaves:\n  a: { resources: { cpus: 2, memoryMiB: 700 } }\n  b: { resources: { cpus: 2, memoryMiB: 700 } }\n';
  assert.deepEqual(texts(await find('capacity', { machine: c5Xlarge, yaml: two })), [
    'fail 1400 MiB of huge pages are asked for, 1024 are free',
    'fail 4 processors are asked for, free are 1,3',
  ]);
  const ids = 'name: a\nresources: { cpu_ids: [2], memoryMiB: 512 }\n';
  assert.match(
    texts(await find('capacity', { machine: c5Xlarge, yaml: ids }))[0] ?? '',
    /names the processors 2, which are not free/,
  );
  assert.match(
    texts(await find('capacity', { yaml: web.replace('512', '9000') }))[0] ?? '',
    /^fail .* 4096 MiB are free here/,
  );
  const image = { facts: { '/app/a.eif': { kind: 'file', bytes: 200 * 2 ** 20 } } } as const;
  const eif = 'name: a\nimage: { eif: a.eif }\nresources: { memoryMiB: 512 }\n';
  assert.deepEqual(texts(await find('image-memory', { yaml: eif }, image)), [
    'fail a has 512 MiB, four times its image are 800',
  ]);
  assert.equal(
    (await find('file', { fileFault: 'app.yaml:1:1: unknown key' }))[0]?.command,
    'caisson compose check -f app.yaml',
  );
});

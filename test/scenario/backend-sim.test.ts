// The simulator with real images and the real PID 1: the contract of backends as root and as a user without privilege, and what is the
// simulator's own.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { createSimBackend } from '@caisson/host/backend-sim';
import { measureImage } from '@caisson/host/image';
import {
  type BackendImages,
  backendContract,
  describeBackendContract,
  writeProbeImage,
} from '@caisson/testkit/backend';
import { imageSkip, makeImages } from './backend/image.ts';
import { whyNotWithin, withoutRights } from './backend/plain.ts';
import { createSimScene } from './backend/sim-scene.ts';
import { simulatorSkip as skip } from './backend/simulator-skip.ts';

const isRoot = process.getuid?.() === 0;
// Short, because sockets lie in it, and open for the user without privilege to read images.
const folder = mkdtempSync(join(tmpdir(), 'caisson-sim-'));
chmodSync(folder, 0o711);
after(() => rmSync(folder, { recursive: true }));

if (skip) console.error(`backend-sim: SKIPPED, NOTHING WAS STARTED: ${skip}`);

let made: Promise<BackendImages> | undefined;
function images(): Promise<BackendImages> {
  made ??= makeImages(folder);
  return made;
}

describeBackendContract('sim', async () => createSimScene(join(folder, 'state'), await images()), { skip });

// Given: Debian's nobody.
const nobody = 65_534;
const asNobody = ['--reuid', String(nobody), '--regid', String(nobody), '--clear-groups'];
const entry = join(import.meta.dirname, 'backend/rootless-main.ts');
const noUser = !isRoot
  ? 'this user has no privilege already'
  : spawnSync('setpriv', [...asNobody, 'test', '-r', entry]).status !== 0 && `another user cannot read ${entry}`;

test('the simulator keeps its contract as a user without privilege', {
  skip: skip || noUser,
  timeout: 1_200_000,
}, async (context) => {
  const state = join(folder, 'rootless');
  spawnSync('install', ['-d', '-m', '700', '-o', String(nobody), '-g', String(nobody), state]);
  const words = [process.execPath, '--conditions=caisson-source', entry, state, JSON.stringify(await images())];
  const child = spawn('setpriv', [...asNobody, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, HOME: state },
    // Not longer than the test, whatever it hangs at.
    signal: context.signal,
    killSignal: 'SIGKILL',
  });
  child.once('error', () => {});
  const lines: { title: string; fault: string | null }[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(JSON.parse(line));
  for (const { title } of lines) context.diagnostic(title);
  deepEqual(
    lines.map(({ title, fault }) => [title, fault]),
    backendContract.map(({ title }) => [title, null]),
  );
});

test('a production image runs with the development program under the measurements of the image, and says so', {
  skip,
  timeout: 300_000,
}, async () => {
  const { hello } = await images();
  const backend = createSimBackend({ state: join(folder, 'state') });
  const enclave = await backend.start({ name: 'hello', image: hello, memoryMiB: 384, cpus: { count: 1 } });
  await enclave.kill();
  match(enclave.departures.join('\n'), /^the production program of the image knows no simulated wall: the development/);
  deepEqual(enclave.measurements, await measureImage(hello));
});

test('refuses an image whose first process is not ours, and what is no image', { skip }, async () => {
  const backend = createSimBackend({ state: join(folder, 'state') });
  await images();
  const path = join(folder, 'foreign.eif');
  await writeProbeImage({ path, kernel: join(folder, 'bzImage'), words: ['wait'], init: 'caisson-init-probe' });
  const spec = { name: 'bad', memoryMiB: 64, cpus: { count: 1 } };
  await rejects(backend.start({ ...spec, image: path }), { code: 'BACKEND_IMAGE', name: 'PolicyError' });
  await rejects(backend.start({ ...spec, image: join(folder, 'bzImage') }), { name: 'ParseError' });
});

const plainMain = join(import.meta.dirname, 'backend/plain-main.ts');
// Shorter than a line of JSON, and nobody else's.
const mark = `stray-${process.pid}`;

test('where the kernel gives no room an enclave is a plain process, says what it is not, and all of it ends however it ends', {
  skip: imageSkip,
  timeout: 300_000,
}, async () => {
  await images();
  const image = join(folder, 'stray.eif');
  await writeProbeImage({ path: image, kernel: join(folder, 'bzImage'), words: ['stray', mark] });
  const words = [process.execPath, '--conditions=caisson-source', plainMain, join(folder, 'plain'), image, mark];
  // Where none can be made to forbid others in, there is none already.
  const [program = '', ...before] = [...(whyNotWithin(withoutRights) === false ? withoutRights : []), ...words];
  const { stdout, stderr } = spawnSync(program, before, { encoding: 'utf8', timeout: 300_000 });
  const said = JSON.parse(stdout || 'null');
  ok(said !== null, stderr);
  deepEqual([said.missing, said.left, said.files], [[], [0, 0, 0], ['fabric', 'fabric/3']]);
  deepEqual(said.stopped, { kind: 'exited', code: 143 });
  match(said.differences[0], /^SIMULATED, AND NOT ISOLATED AT ALL: /);
  match(said.departures[0], /^NOT ISOLATED: the kernel gives no room .*namespace: .*; it is a plain process/);
  match(said.console, /root: .*\.root\/rootfs, which shuts nobody in/);
  equal(said.hasMade, false);
  deepEqual([said.refusal.code, said.wished.length], ['BACKEND_UNAVAILABLE', 1]);
  match(said.refusal.message, /^CAISSON_SIM asks for a room of namespaces, and the kernel gives none: /);
  match(said.refusal.hint, /^sysctl user\.max_user_namespaces.*caisson doctor looks$/);
});

test('as root an enclave has users of its own: root inside is nobody outside', {
  skip: skip || (!isRoot && 'not root'),
}, async () => {
  const { waits } = await images();
  const backend = createSimBackend({ state: join(folder, 'state') });
  const allowed = Number(/^Cpus_allowed_list:\t(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]);
  const enclave = await backend.start({ name: 'users', image: waits, memoryMiB: 64, cpus: { ids: [allowed] } });
  try {
    const status = readFileSync(`/proc/${enclave.pids[0]}/status`, 'latin1');
    ok(Number(/^Uid:\t([0-9]+)/m.exec(status)?.[1]) >= 524_288, status);
    match(status, new RegExp(`^Cpus_allowed_list:\t${allowed}$`, 'm'));
    const isBounded = !enclave.departures.some((one) => one.startsWith('memory of processes'));
    equal(readFileSync(`/proc/${enclave.pids[0]}/cgroup`, 'latin1').includes('caisson-sim-'), isBounded);
  } finally {
    await enclave.kill();
  }
});

test("an enclave sees no file system of this machine but its own folder of the fabric, and the parent's read-only", {
  skip,
}, async () => {
  const { waits } = await images();
  const state = join(folder, 'state');
  const enclave = await createSimBackend({ state }).start({
    name: 'files',
    image: waits,
    memoryMiB: 64,
    cpus: { count: 1 },
  });
  try {
    const { cid, pids } = enclave;
    const mounts = readFileSync(`/proc/${pids[0]}/mountinfo`, 'latin1')
      .trim()
      .split('\n')
      .map((line) => line.split(' '));
    const kernels = new Set(['tmpfs', 'devtmpfs', 'proc', 'sysfs', 'devpts', 'cgroup2']);
    const ofDisk = mounts.filter((mount) => !kernels.has(mount[mount.indexOf('-') + 1]!));
    const at = '/run/caisson/fabric';
    deepEqual(ofDisk.map(([, , , , target]) => target).sort(), ['/dev/caisson-nsm', `${at}/${cid}`, `${at}/3`].sort());
    for (const mount of ofDisk) match(mount[5]!, /nosuid,nodev,noexec/);
    match(mounts.find((mount) => mount[4] === `${at}/3`)![5]!, /^ro,/);
    const nodes = mounts.filter((mount) => mount.includes('devtmpfs')).map(([, , , , target]) => target);
    deepEqual(
      nodes.sort(),
      ['full', 'null', 'random', 'tty', 'urandom', 'zero'].map((name) => `/dev/${name}`),
    );
  } finally {
    await enclave.kill();
  }
});

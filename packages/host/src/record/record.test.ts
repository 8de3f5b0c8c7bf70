// Records are what a host still knows after it was killed: whole or not there, never believed further than their form goes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { readProcessStart, withLock } from '../file/index.ts';
import {
  adviseName,
  enclaveFolder,
  findRecord,
  listRecords,
  parseSpec,
  type RecordedSpec,
  type RecordedState,
  readSpec,
  readState,
  removeRecord,
  writeSpec,
  writeState,
} from './index.ts';

let state = '';
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'caisson-record-'));
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

const hash = 'a'.repeat(96);
const spec: RecordedSpec = {
  v: 1,
  name: 'web',
  image: '/images/web.eif',
  measurements: { PCR0: hash, PCR1: hash, PCR2: hash },
  profile: 'development',
  backend: 'sim',
  memoryMiB: 256,
  cpus: { count: 1 },
  debug: false,
  ingress: [{ hostAddress: '127.0.0.1', hostPort: 8080, port: 80, vsockPort: 80, holdMs: 0 }],
  egress: [{ host: 'kms.eu-central-1.amazonaws.com', port: 443 }],
  restart: 'no',
  readyTimeoutMs: 60_000,
  hasReadyLine: true,
  hasControl: true,
  dependsOn: [],
  labels: {},
  composeFile: null,
  createdAt: '2026-01-02T03:04:05.678Z',
};

async function stateOf(pid: number, phase: RecordedState['phase'] = 'ready'): Promise<RecordedState> {
  return {
    v: 1,
    name: 'web',
    phase,
    since: '2026-01-02T03:04:05.678Z',
    backend: 'sim',
    cid: 16,
    vsock: 'fabric:/x',
    pids: [1],
    shim: { pid, start: (await readProcessStart(pid)) || '1', protocol: 1, version: '0.1.0' },
    bootId: '0'.repeat(32),
    startedAt: null,
    heartbeatMs: 1,
    readyMs: 2,
    restarts: 0,
    reasons: [],
    configSha384: null,
    documents: { kind: 'aws' },
    departures: [],
    end: null,
    failure: null,
  };
}

test('what was asked for is read as it was written, in folders of one user alone', async () => {
  mkdirSync(enclaveFolder(state, 'web').path, { recursive: true, mode: 0o755 });
  await writeSpec(state, spec);
  assert.deepEqual(await readSpec(state, 'web'), spec);
  for (const path of [enclaveFolder(state, 'web').path, enclaveFolder(state, 'web').sock]) {
    assert.equal(statSync(path).mode & 0o777, 0o700);
  }
  assert.equal(statSync(enclaveFolder(state, 'web').spec).mode & 0o777, 0o600);
  assert.equal(await readSpec(state, 'other'), undefined);
  assert.equal(readFileSync(join(state, 'version'), 'utf8'), '1\n');
});

test('a state folder that another user owns or may write to is neither read nor written', async () => {
  await writeSpec(state, spec);
  const refused = async (message: RegExp): Promise<void> => {
    for (const run of [
      () => readSpec(state, 'web'),
      () => readState(state, 'web'),
      () => listRecords(state),
      () => writeSpec(state, spec),
    ])
      await assert.rejects(run(), { code: 'RECORD_STATE', message });
  };
  chmodSync(state, 0o770);
  await refused(/must be this user's own and writable by nobody else, got uid [0-9]+, mode 770$/);
  chmodSync(state, 0o755);
  assert.deepEqual(await readSpec(state, 'web'), spec);
  if (process.getuid?.() !== 0) return;
  chownSync(state, 4_242, 4_242);
  await refused(/got uid 4242, mode 755$/);
});

test('refuses a name that is none before it becomes a path', async () => {
  for (const name of ['', 'A', '../x', 'a/b', '-a', '1a', 'a'.repeat(64), 'a\n']) {
    assert.throws(() => enclaveFolder(state, name), { code: 'RECORD_NAME' }, name);
    await assert.rejects(writeSpec(state, { ...spec, name }), { code: /^RECORD_(NAME|FORM)$/ });
    await assert.rejects(removeRecord(state, name), { code: 'RECORD_NAME' });
  }
  assert.deepEqual(readdirSync(state), []);
});

test('a spec with faults is refused with the place and bound of each, and is never written', async () => {
  const text = JSON.stringify({
    ...spec,
    memory: 5,
    memoryMiB: 'x',
    egress: [{ host: 'a', port: 70_000 }],
    image: 'web.eif',
  });
  assert.throws(
    () => parseSpec(text, 'web'),
    (error: Error) => {
      assert.match(error.message, /^spec of enclave web: /);
      for (const part of [
        'memoryMiB must be a number, got "x"',
        'egress[0].port must be at most 65535, got 70000',
        'image must be an absolute path, got "web.eif"',
        'unknown key memory',
      ]) {
        assert.ok(error.message.includes(part), `${part}: ${error.message}`);
      }
      return true;
    },
  );
  await assert.rejects(writeSpec(state, { ...spec, image: 'web.eif' }), { code: 'RECORD_FORM' });
  assert.deepEqual(readdirSync(state), []);
});

test('any text is a spec or one typed fault', () => {
  const pieces = fc.oneof(
    fc.string(),
    fc.json(),
    fc.record({ v: fc.constant(1), name: fc.string(), cpus: fc.anything() }).map((one) => JSON.stringify(one) ?? ''),
  );
  fc.assert(
    fc.property(pieces, (text) => {
      try {
        parseSpec(text, 'web');
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'RECORD_FORM');
      }
    }),
    { seed: 8, numRuns: 200 },
  );
});

test('a shim that ends while its state is read is not lost: what it left is read, or who came after it', async () => {
  await writeSpec(state, spec);
  const before = await stateOf(process.pid);
  for (const last of [await stateOf(process.pid, 'failed'), { ...before, shim: { ...before.shim, pid: 1 } }]) {
    await writeState(state, before);
    const seen: number[] = [];
    const found = await readState(state, 'web', async ({ shim }) => {
      seen.push(shim.pid);
      await writeState(state, last);
      return shim.pid === 1;
    });
    assert.deepEqual(found, last);
    assert.deepEqual(seen, last.phase === 'failed' ? [process.pid] : [process.pid, 1]);
  }
});

test('a state whose shim is gone without a word reads as lost, an ended one as it ended', async () => {
  await writeSpec(state, spec);
  assert.equal(await readState(state, 'web'), undefined);
  await writeState(state, await stateOf(process.pid));
  assert.equal((await readState(state, 'web'))?.phase, 'ready');
  const { pid } = spawnSync('true');
  await writeState(state, await stateOf(pid));
  assert.equal((await readState(state, 'web'))?.phase, 'lost');
  // Its pid lives again as somebody else.
  const reused = await stateOf(process.pid);
  await writeState(state, { ...reused, shim: { ...reused.shim, start: '1' } });
  assert.equal((await readState(state, 'web'))?.phase, 'lost');
  await writeState(state, await stateOf(pid, 'exited'));
  assert.equal((await readState(state, 'web'))?.phase, 'exited');
});

test('a state that says more than is known here is read for what is', async () => {
  await writeSpec(state, spec);
  const { state: path } = enclaveFolder(state, 'web');
  writeFileSync(path, JSON.stringify({ ...(await stateOf(process.pid)), later: true }));
  assert.equal((await readState(state, 'web'))?.phase, 'ready');
  const good = JSON.stringify(await stateOf(process.pid));
  const long = good.padEnd((1 << 20) + 1);
  for (const bad of ['', '{}', '[]', '{"v":2}', long, JSON.stringify({ ...(await stateOf(process.pid)), cid: 3 })]) {
    writeFileSync(path, bad);
    await assert.rejects(readState(state, 'web'), { code: 'RECORD_FORM' }, bad.slice(0, 1_000));
  }
});

test('lists all records by name, and one that cannot be read with its fault', async () => {
  assert.deepEqual(await listRecords(join(state, 'none')), []);
  await writeSpec(state, { ...spec, name: 'b' });
  await writeSpec(state, { ...spec, name: 'a' });
  await writeSpec(state, { ...spec, name: 'c' });
  writeFileSync(enclaveFolder(state, 'c').spec, '{');
  mkdirSync(join(state, 'enclaves', '.caisson-1-0000000000000000'));
  const found = await listRecords(state);
  assert.deepEqual(
    found.map((one) => [one.name, one.spec?.name, one.fault?.code]),
    [
      ['a', 'a', undefined],
      ['b', 'b', undefined],
      ['c', undefined, 'RECORD_FORM'],
    ],
  );
  await assert.rejects(findRecord(state, 'd'), { code: 'RECORD_UNKNOWN', hint: 'known are a, b, c' });
});

test('a name that no record has is answered with the nearest that there is, else with those that there are', () => {
  const none = 'there is none yet; caisson up and caisson run start one';
  assert.deepEqual(
    [adviseName('helo', []), adviseName('helo', ['web', 'hello'])],
    [none, 'did you mean hello? caisson ps -a shows all that there are'],
  );
  const many = Array.from({ length: 11 }, (_, index) => `n${index}`);
  assert.equal(
    adviseName('web', many),
    `known are ${many.slice(0, 10).join(', ')} and others, which caisson ps -a shows`,
  );
});

test('R-G7 the folder of a newer program is neither read nor changed', async () => {
  await writeSpec(state, spec);
  writeFileSync(join(state, 'version'), '2\n');
  const before = readdirSync(state, { recursive: true }).sort();
  const refused = { code: 'RECORD_VERSION', message: `state folder ${state} must be of version 1, got "2"` };
  for (const run of [
    () => listRecords(state),
    () => readSpec(state, 'web'),
    () => readState(state, 'web'),
    () => writeSpec(state, { ...spec, name: 'new' }),
    () => removeRecord(state, 'web'),
  ]) {
    await assert.rejects(run(), refused);
  }
  assert.deepEqual(readdirSync(state, { recursive: true }).sort(), before);
});

test('a record goes whole, and not while its shim lives', async () => {
  await writeSpec(state, spec);
  const { shimPid, start, path } = enclaveFolder(state, 'web');
  await withLock(shimPid, () => assert.rejects(removeRecord(state, 'web'), { code: 'RECORD_RUNNING' }));
  assert.ok(existsSync(path));
  // What a killed shim or command leaves holds nothing.
  for (const lock of [shimPid, start]) writeFileSync(lock, `${spawnSync('true').pid} 1 x\n`);
  await removeRecord(state, 'web');
  assert.deepEqual(readdirSync(join(state, 'enclaves')), []);
  await assert.rejects(removeRecord(state, 'web'), { code: 'RECORD_UNKNOWN' });
});

test('R-G6 a state folder that cannot be written says so with the kernel’s reason, and what stands stays', async (context) => {
  await writeSpec(state, spec);
  const { path } = enclaveFolder(state, 'web');
  if (process.getuid?.() === 0) {
    context.diagnostic('root writes to read-only folders: tried with a file in the way instead');
    const blocked = join(state, 'file');
    writeFileSync(blocked, '');
    await assert.rejects(writeSpec(blocked, spec), { code: 'RECORD_STATE', message: /ENOTDIR/ });
    return;
  }
  chmodSync(path, 0o500);
  await assert.rejects(writeState(state, await stateOf(process.pid)), {
    code: 'RECORD_STATE',
    message: 'cannot write state of enclave web: EACCES',
  });
  chmodSync(path, 0o700);
  assert.deepEqual(await readSpec(state, 'web'), spec);
});

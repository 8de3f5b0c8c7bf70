// The smoke as it is typed, in the simulator, end to end; and what it does to this machine.
import { deepEqual, equal, match, throws } from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { freePort } from '@caisson/testkit/loopback';
import { startProcess } from '@caisson/testkit/program';
import { readBenchSettings } from '../../scripts/hardware/bench/settings.ts';
import { checks } from '../../scripts/hardware/smoke/check.ts';
import { addHostsEntry } from '../../scripts/hardware/smoke/hosts-entry.ts';
import { readSmokeSettings } from '../../scripts/hardware/smoke/settings.ts';
import { simulatorSkip as skip } from '../scenario/backend/simulator-skip.ts';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'caisson-hw-'));
after(() => rmSync(folder, { recursive: true }));
if (skip) console.error(`hardware-smoke: SKIPPED, NOTHING WAS STARTED: ${skip}`);

test('the smoke holds in the simulator: argonaut’s five checks line by line and ours, and nothing is left', {
  skip,
  timeout: 180_000,
}, async () => {
  const [results, local] = [join(folder, 'results'), join(folder, 'tmp')];
  mkdirSync(local);
  const env = {
    ...process.env,
    TMPDIR: local,
    CAISSON_SMOKE_BACKEND: 'sim',
    CAISSON_SMOKE_HOST: 'localhost',
    ARGONAUT_SMOKE_MEMORY: '768',
    CAISSON_SMOKE_HTTP_PORT: `${await freePort()}`,
    CAISSON_SMOKE_HOST_ECHO_PORT: `${await freePort()}`,
    CAISSON_SMOKE_RESULTS_DIR: results,
  };
  const { code, out, all } = await startProcess([join(root, 'scripts/nitro-smoke.sh')], { env }).ended;
  equal(code, 0, all);
  const lines = out.trim().split('\n');
  deepEqual(
    lines.slice(0, -2).map((line) => line.slice(0, 20).trimEnd()),
    ['image', 'ready', ...checks.map(({ name }) => name), 'ended'].map((name) => `PASS  ${name}`),
  );
  match(out, /\nPASS {2}verified {6}under a SIMULATED root/);
  match(
    out,
    /\nHELD {2}argonaut's checks: 5, ours: 6; failed: 0, skipped: 0, not reached: 0; backend sim\nSIMULATED: /,
  );
  deepEqual(readdirSync(local), []);
  deepEqual(readdirSync(results).sort(), ['config.json', 'console.log', 'host.log', 'report.txt']);
});

test('variables have argonaut’s defaults, and one that does not hold is refused with its name', () => {
  const never = (): never => {
    throw new Error('nothing was to be said');
  };
  deepEqual(readSmokeSettings({}, never), {
    backend: 'nitro',
    kernel: 'aws',
    cpus: 2,
    memoryMiB: 1_024,
    keepWorkdir: false,
    resultsDir: undefined,
    httpPort: 18_080,
    httpVsockPort: 3_000,
    hostEchoPort: 18_443,
    outboundVsockPort: 8_100,
    host: 'argonaut-smoke.local',
    localIp: '127.0.0.1',
    localPort: 9_443,
    rootPem: undefined,
    isSimulated: false,
  });
  deepEqual(readBenchSettings({ ARGONAUT_BENCH_RATES: ' 5  7 ', CAISSON_BENCH_BACKEND: 'qemu' }, never), {
    backend: 'qemu',
    kernel: 'caisson',
    cpus: 2,
    memoryMiB: 1_024,
    keepWorkdir: false,
    resultsDir: 'benchmark-results',
    httpPort: 18_080,
    httpVsockPort: 3_000,
    maxConnections: 4_096,
    rates: [5, 7],
    payloads: [0, 1_024, 32_768],
    durationMs: 15_000,
    timeoutMs: 30_000,
    exportRaw: false,
  });
  const wrong = { BACKEND: 'docker', CPUS: '0', MEMORY: '1e9', HTTP_PORT: '65536', HOST: 'a..b', LOCAL_IP: '10.0.0.1' };
  for (const [name, value] of Object.entries(wrong)) {
    throws(
      () => readSmokeSettings({ [`ARGONAUT_SMOKE_${name}`]: value }, never),
      new RegExp(`ARGONAUT_SMOKE_${name} must be`),
    );
  }
  // A root that is not AWS's is nobody's on hardware.
  const root = { CAISSON_SMOKE_ROOT: import.meta.filename };
  const alone = /CAISSON_SMOKE_ROOT must stand beside CAISSON_NITRO_ROOT and the backend nitro alone/;
  throws(() => readSmokeSettings(root, never), alone);
  throws(() => readSmokeSettings({ ...root, CAISSON_NITRO_ROOT: '' }, never), alone);
  throws(() => readSmokeSettings({ ...root, CAISSON_NITRO_ROOT: '/x', CAISSON_SMOKE_BACKEND: 'sim' }, never), alone);
  const standIn = readSmokeSettings({ ...root, CAISSON_NITRO_ROOT: '/x' }, never);
  deepEqual([standIn.rootPem?.slice(0, 2), standIn.isSimulated], ['//', true]);
  throws(
    () => readSmokeSettings({ CAISSON_SMOKE_ROOT: '/none', CAISSON_NITRO_ROOT: '/x' }, never),
    /got \/none: ENOENT/,
  );
  for (const [name, value] of Object.entries({ RATES: '0', PAYLOADS: '1 x', DURATION: '15', EXPORT_RAW: '2' })) {
    const read = (): unknown => readBenchSettings({ [`CAISSON_BENCH_${name}`]: value }, never);
    if (name === 'DURATION') equal((read() as { durationMs: number }).durationMs, 15_000);
    else throws(read, new RegExp(`CAISSON_BENCH_${name} must be`));
  }
});

test('the line in the hosts file is there while it is needed, and what a killed run has left goes with the next', () => {
  const file = join(folder, 'hosts');
  const before = '127.0.0.1 localhost\n127.0.0.1 old.local # caisson nitro-smoke\n10.0.0.1 other';
  writeFileSync(file, before);
  const remove = addHostsEntry('argonaut-smoke.local', file);
  equal(
    readFileSync(file, 'utf8'),
    '127.0.0.1 localhost\n10.0.0.1 other\n127.0.0.1 argonaut-smoke.local # caisson nitro-smoke\n',
  );
  remove();
  equal(readFileSync(file, 'utf8'), '127.0.0.1 localhost\n10.0.0.1 other\n');
  addHostsEntry('localhost', file)();
  equal(
    readFileSync(file, 'utf8'),
    '127.0.0.1 localhost\n10.0.0.1 other\n',
    'a name that leads here already needs no line',
  );
  if (process.getuid?.() === 0) return;
  chmodSync(file, 0o400);
  throws(() => addHostsEntry('argonaut-smoke.local', file), /set CAISSON_SMOKE_HOST=localhost/);
});

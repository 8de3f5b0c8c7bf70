// The packed folder does what it is shipped for: sent to an instance that is a folder here, it runs smoke and bench there, in the simulator and with nothing
// of the checkout; and whatever interrupts the smoke, or whatever nitro-cli does, nothing is left.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createFakeCloud } from '@caisson/testkit/cloud';
import { createFakeNitro } from '@caisson/testkit/nitro-cli';
import { type EndedProcess, startProcess } from '@caisson/testkit/program';

const root = join(import.meta.dirname, '../..');
const skip = !existsSync(join(root, 'dist/caisson.node')) && 'no addon was built';
const folder = mkdtempSync(join(tmpdir(), 'caisson-hw-'));
after(() => rmSync(folder, { recursive: true }));
const local = join(folder, 'tmp');
let pack = '';

before(() => {
  if (skip) return;
  mkdirSync(local);
  const packed = spawnSync(process.execPath, [join(root, 'scripts/pack.ts')], { encoding: 'utf8' });
  equal(packed.status, 0, packed.stderr);
  pack = packed.stdout.trim();
});

/** `interrupt`: so long after it has said so. */
async function type(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
  interrupt?: { readonly at: RegExp; readonly afterMs: number },
): Promise<EndedProcess> {
  const { child, ended, said } = startProcess([file], { env: { ...process.env, TMPDIR: local, ...env } });
  if (interrupt !== undefined) {
    const send = (): void => void setTimeout(() => child.kill('SIGINT'), interrupt.afterMs);
    said(interrupt.at).then(send, () => {});
  }
  return await ended;
}

const smoke = { CAISSON_SMOKE_BACKEND: 'sim', CAISSON_SMOKE_HOST: 'localhost' };
const bench = { CAISSON_BENCH_BACKEND: 'sim', CAISSON_BENCH_RATES: '50 200', CAISSON_BENCH_PAYLOADS: '0 4096' };

test('a packed folder that was shipped runs the smoke and the bench, and their results come back', {
  skip,
  timeout: 600_000,
}, async () => {
  const cloud = createFakeCloud(join(folder, 'cloud'));
  const given = {
    ...cloud.env,
    CAISSON_CI_PACK_DIR: pack,
    CAISSON_CI_SSH_CIDR: '192.0.2.99/32',
    CAISSON_CI_POLL: '10ms',
    AWS_REGION: 'eu-test-1',
  };
  const artifacts = join(folder, 'artifacts');
  cloud.begin();
  const smoked = await type(join(root, 'scripts/aws-spot-nitro-smoke.sh'), {
    ...given,
    ...smoke,
    CAISSON_CI_ARTIFACT_DIR: artifacts,
  });
  equal(smoked.code, 0, smoked.all);
  match(smoked.out, /\nHELD {2}argonaut's checks: 5, ours: 6;/);
  match(readFileSync(join(artifacts, 'smoke-results/report.txt'), 'utf8'), /HELD/);
  deepEqual(cloud.there(), []);

  cloud.begin();
  const benched = await type(join(root, 'scripts/aws-spot-nitro-bench.sh'), {
    ...given,
    ...bench,
    CAISSON_BENCH_DURATION: '1s',
    CAISSON_BENCH_EXPORT_RAW: '1',
    CAISSON_CI_ARTIFACT_DIR: artifacts,
  });
  equal(benched.code, 0, benched.all);
  match(benched.out, /^Rate +Payload +Requests +Throughput +Success % +p50 +p95 +p99 +Max +Errors\n/);
  const names = [
    'results.json',
    'results.tsv',
    'results.txt',
    'raw-200-0.tsv',
    'raw-200-4096.tsv',
    'raw-50-0.tsv',
    'raw-50-4096.tsv',
  ];
  const results = join(artifacts, 'benchmark-results');
  deepEqual(readdirSync(results).sort(), names.sort());
  const { rows } = JSON.parse(readFileSync(join(results, 'results.json'), 'utf8')) as {
    rows: { requests: number; successPercent: number }[];
  };
  deepEqual(
    rows.map(({ requests, successPercent }) => [requests, successPercent]),
    [
      [50, 100],
      [200, 100],
      [50, 100],
      [200, 100],
    ],
  );
  deepEqual([cloud.there(), readdirSync(local)], [[], []]);
});

test('a smoke that is interrupted at any moment ends with 130 and leaves no process and no file', {
  skip,
  timeout: 600_000,
}, async () => {
  const script = join(root, 'scripts/nitro-smoke.sh');
  const moments = [
    ...[0, 300, 800, 1_300, 2_000].map((afterMs) => ({ at: /PASS {2}image/, afterMs })),
    ...[0, 200].flatMap((afterMs) =>
      [/PASS {2}ready/, /PASS {2}inbound/, /PASS {2}verified/].map((at) => ({ at, afterMs })),
    ),
  ];
  for (const moment of moments) {
    const { code, all } = await type(script, smoke, moment);
    equal(code, 130, `${moment.at} ${moment.afterMs}\n${all}`);
    deepEqual(readdirSync(local), [], all);
    const left = spawnSync('pgrep', ['-f', local], { encoding: 'utf8' }).stdout;
    equal(left, '', `${moment.at} ${moment.afterMs}: processes are left`);
  }
});

test('whatever nitro-cli does, the smoke says where it failed and leaves no enclave', {
  skip,
  timeout: 600_000,
}, async () => {
  const at = join(folder, 'nitro');
  mkdirSync(at);
  const nitro = createFakeNitro(at, {});
  try {
    const env = {
      CAISSON_NITRO_ROOT: nitro.root,
      CAISSON_STATE: join(folder, 'state'),
      PATH: `${nitro.path}:${process.env['PATH']}`,
      CAISSON_SMOKE_HOST: 'localhost',
      CAISSON_SMOKE_KERNEL: join(root, 'package.json'),
    };
    const scripts = [
      { 'run-enclave': { fails: ['E27'] } },
      { 'run-enclave': { prints: 'garbage', mismeasures: true } },
      { 'run-enclave': { dies: true } },
    ] as const;
    for (const script of scripts) {
      nitro.script(script);
      const { code, out, all } = await type(join(root, 'scripts/nitro-smoke.sh'), env);
      equal(code, 1, all);
      match(
        out,
        /\nFAIL {2}ready [\s\S]*\nDID NOT HOLD {2}argonaut's checks: 0, ours: 2; failed: 1, skipped: 0, not reached: 8; backend nitro\nSIMULATED: .*\n$/,
      );
      deepEqual(nitro.enclaves(), []);
    }
    ok(!existsSync(join(folder, 'state/enclaves')) || readdirSync(join(folder, 'state/enclaves')).length === 0);
  } finally {
    nitro.close();
  }
});

// `caisson stats`: figures of those that run, a row without figures where nobody answers.
import { deepEqual, equal, match } from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { ShimBridgeStats } from '@caisson/host/shim';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { createFakeEnclaveHost, createFakeShim, type FakeShim, fakeRecord, fakeState } from '@caisson/testkit/fake';
import { type StatsOptions, showStats } from './stats-session.ts';

const bridge: ShimBridgeStats = {
  name: '127.0.0.1:8080 -> 3000',
  active: 1,
  accepted: 5,
  refused: 2,
  failed: 1,
  bytesIn: 2048,
  bytesOut: 10,
};

function host() {
  const web = createFakeShim(fakeState('web'));
  web.figures = { ...web.figures, ingress: [bridge] };
  const shims = new Map<string, FakeShim>([['web', web]]);
  const records = new Map(
    [fakeRecord('web'), fakeRecord('mute', {}, { cid: 17 }), fakeRecord('dead', {}, { phase: 'failed' })].map(
      (record) => [record.name, record] as const,
    ),
  );
  const [stdout, stderr, stop] = [new PassThrough().setEncoding('utf8'), new PassThrough(), new AbortController()];
  const show = (options: Partial<StatsOptions> = {}): Promise<number> =>
    showStats(
      createFakeEnclaveHost('/none', records, shims),
      { stdout, stderr, stop: stop.signal },
      { names: [], watch: false, json: false, intervalMs: 5, ...options },
    );
  return { web, records, stdout, stderr, stop, show };
}

test('shows those that run, with a row of dashes for one whose shim does not answer', async () => {
  const { show, stdout } = host();
  equal(await show(), 0);
  const cells = String(stdout.read())
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  deepEqual(cells, [
    ['NAME', 'CID', 'PHASE', 'CPU', 'MEMORY', 'SHIM', 'INGRESS', 'EGRESS'],
    ['web', '16', 'ready', '15.0%', '50.0 MiB', '60.0 MiB', '1 of 5, 2 refused, 1 failed, 2.0 KiB/10 B', '-'],
    ['mute', '17', 'ready', '-', '-', '-', '-', '-'],
  ]);
});

test('one enclave is shown with each of its bridges, and one that has ended when it is named', async () => {
  const { show, stdout } = host();
  await show({ names: ['web'] });
  match(String(stdout.read()), /\nin +127\.0\.0\.1:8080 -> 3000 +1 +5 +2 +1 +2\.0 KiB +10 B\n$/);
  await show({ names: ['dead'] });
  match(String(stdout.read()), /dead +16 +failed +- +-/);
});

test('stats --json fits its schema, one document for each look', async () => {
  const { show, stdout, stop, web } = host();
  const ended = show({ json: true, watch: true });
  let text = '';
  for await (const piece of stdout) {
    text += piece;
    web.figures = { ...web.figures, cpuMs: null, residentBytes: null };
    if (text.split('\n').length > 3) break;
  }
  stop.abort('SIGINT');
  equal(await ended, 130);
  const documents = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const document of documents) assertFitsSchema(document, 'stats');
  deepEqual(
    documents[0].enclaves.map((one: { name: string; stats: object | null }) => [one.name, one.stats === null]),
    [
      ['web', false],
      ['mute', true],
    ],
  );
});

test('with --watch the processor is that of the time between two looks, and of a new boot that since its start', async () => {
  const { show, stdout, stop, web } = host();
  const ended = show({ watch: true, intervalMs: 50 });
  const shares: number[] = [];
  for await (const piece of stdout) {
    const [, share] = /web +16 +ready +([0-9.]+)%/.exec(String(piece)) ?? [];
    if (share !== undefined) shares.push(Number(share));
    if (shares.length === 1) web.figures = { ...web.figures, cpuMs: 1_500 };
    if (shares.length === 2) web.figures = { ...web.figures, cpuMs: 100, uptimeMs: 1_000 };
    if (shares.length === 3) break;
  }
  stop.abort('SIGTERM');
  equal(await ended, 143);
  deepEqual(shares, [15, 0, 10]);
});

test('says that no enclave runs', async () => {
  const { show, records, stderr } = host();
  records.clear();
  await show();
  match(String(stderr.read()), /^no enclave runs; caisson ps -a/);
});

// Enclaves of the simulator kept by the program itself, each in a process of its own, with images of the builder: what unit tests show of scripts,
// shown of what people run.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createSimBackend } from '@caisson/host/backend-sim';
import { readProcessStart } from '@caisson/host/file';
import { measureImage } from '@caisson/host/image';
import { enclaveFolder, type RecordedSpec, type RecordedState, readState, writeSpec } from '@caisson/host/record';
import { openShim, type ShimClient, startShim } from '@caisson/host/shim';
import type { BackendImages } from '@caisson/testkit/backend';
import { fakeSpec } from '@caisson/testkit/fake';
import { imageSkip, makeImages } from './backend/image.ts';

const folder = mkdtempSync(join(tmpdir(), 'c-keep-'));
const state = join(folder, 'state');
after(async () => {
  for (const name of existsSync(join(state, 'enclaves')) ? readdirSync(join(state, 'enclaves')) : []) {
    const client = await openShim(state, name).catch(() => undefined);
    await client?.kill().catch(() => {});
    await client?.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

const lacks = imageSkip === false ? await createSimBackend({ state: join(folder, 'none') }).findMissing() : [];
const skip = imageSkip || (lacks[0] !== undefined && `the simulator needs ${lacks[0].what}`);
if (skip) console.error(`shim: SKIPPED, NOTHING WAS STARTED: ${skip}`);
const timeout = 120_000;

let made: Promise<BackendImages> | undefined;
const words = [
  process.execPath,
  '--conditions=caisson-source',
  join(import.meta.dirname, '../../packages/cli/src/main/bundle.ts'),
];

async function start(
  name: string,
  kind: keyof BackendImages,
  changes: Partial<RecordedSpec> = {},
): Promise<ShimClient> {
  made ??= makeImages(folder);
  const image = (await made)[kind];
  const asked = { image, measurements: await measureImage(image), memoryMiB: 384, cpus: { count: 1 }, ingress: [] };
  await writeSpec(state, fakeSpec(name, { ...asked, ...changes }));
  return await startShim({ state, name, words, env: process.env });
}

const rule = { hostAddress: '127.0.0.1', hostPort: 0, port: 8080, vsockPort: 8080, holdMs: 30_000 };

/** The port that it got. */
async function wayIn(client: ShimClient): Promise<number> {
  for await (const { code, fields } of client.events({ follow: true }))
    if (code === 'INGRESS_BOUND') return Number(fields['port']);
  throw new Error('no way in was bound');
}

async function ended(name: string, client: ShimClient): Promise<RecordedState> {
  // It may have ended before it was asked.
  try {
    for await (const _ of client.events({ follow: true }));
  } catch {}
  await client.close();
  const last = await readState(state, name);
  ok(last !== undefined);
  return last;
}

test('two enclaves of one image are kept at once, each with its own ways, and a caller who holds is let in at ready', {
  skip,
  timeout,
}, async () => {
  const egress = [{ host: '127.0.0.1', port: 9 }];
  const [one, other] = await Promise.all([
    start('one', 'hello', { ingress: [rule], egress }),
    start('other', 'hello', { ingress: [rule], egress }),
  ]);
  for (const client of [one, other]) {
    const answer = await fetch(`http://127.0.0.1:${await wayIn(client)}/`);
    equal(await answer.text(), 'hello from inside');
  }
  const [first, second] = [await one.status(), await other.status()];
  deepEqual([first.phase, second.phase], ['ready', 'ready']);
  ok(first.cid !== second.cid);
  const { cpuMs, residentBytes, ingress } = await one.stats();
  ok((cpuMs ?? 0) > 0 && (residentBytes ?? 0) > 2 ** 20, `${cpuMs} ms, ${residentBytes} bytes`);
  equal(ingress[0]?.accepted, 1);
  deepEqual((({ phase, end }) => [phase, end?.exit])(await one.stop()), ['stopped', 0]);
  equal((await other.status()).phase, 'ready');
  deepEqual((({ phase, end }) => [phase, end?.exit])(await other.stop()), ['stopped', 0]);
  await Promise.all([one.close(), other.close()]);
});

test('an enclave ends with its shim, killed as it may be; it reads lost, and the next start is a new one', {
  skip,
  timeout,
}, async () => {
  const client = await start('killed', 'hello');
  for await (const { fields } of client.events({ follow: true })) if (fields['phase'] === 'ready') break;
  const { pids, shim, cid } = await client.status();
  process.kill(shim.pid, 'SIGKILL');
  for (const pid of [shim.pid, ...pids]) while ((await readProcessStart(pid)) !== '') await pause(5);
  equal((await readState(state, 'killed'))?.phase, 'lost');
  equal(await openShim(state, 'killed'), undefined);
  const again = await start('killed', 'hello');
  for await (const { fields } of again.events({ follow: true })) if (fields['phase'] === 'ready') break;
  const now = await again.status();
  ok(now.cid !== cid && now.shim.pid !== shim.pid);
  await again.stop();
  await again.close();
  const run = join(state, 'run/fabric');
  ok(!readdirSync(run).includes(String(cid)), 'the folder of the killed one is swept');
  deepEqual(readdirSync(join(run, '3')), []);
});

test('an image that measures anything else than was asked for is not started', { skip, timeout }, async () => {
  const measurements = { PCR0: 'a'.repeat(96), PCR1: 'b'.repeat(96), PCR2: 'c'.repeat(96) };
  const last = await ended('wrong', await start('wrong', 'waits', { measurements, restart: 'always' }));
  deepEqual([last.phase, last.failure?.code, last.cid], ['failed', 'BACKEND_MEASUREMENTS', null]);
  match(last.failure?.message ?? '', /^PCR0 of image .*waits\.eif must be aaaa/);
});

test('a boot that ends at once, one that ends before its heartbeat and one that never becomes ready say so within their time', {
  skip,
  timeout,
}, async () => {
  const starts = [
    start('exits', 'exits', { hasReadyLine: false }),
    start('broken', 'broken'),
    start('late', 'waits', { readyTimeoutMs: 1_500 }),
  ];
  const names = ['exits', 'broken', 'late'];
  const clients = await Promise.all(starts);
  const states = await Promise.all(clients.map((client, index) => ended(names[index] ?? '', client)));
  deepEqual(
    states.map(({ phase, failure, end }) => [phase, failure?.code, end?.exit]),
    [
      ['exited', undefined, 7],
      ['failed', 'BACKEND_BOOT', 125],
      ['failed', 'SHIM_LATE', 7],
    ],
  );
  match(readFileSync(enclaveFolder(state, 'broken').console, 'utf8'), /caisson-init: exit 125/);
});

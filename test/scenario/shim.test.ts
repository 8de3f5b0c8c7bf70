// Enclaves of the simulator kept by the program itself, each in a process of its own, with images of the builder: what unit tests show of scripts,
// shown of what people run.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { CID_ANY, toCid, toVsockPort } from '@caisson/core/address';
import { planEif } from '@caisson/core/eif';
import { readProcessStart } from '@caisson/host/file';
import { measureImage } from '@caisson/host/image';
import { enclaveFolder, type RecordedSpec, type RecordedState, readState, writeSpec } from '@caisson/host/record';
import { openShim, type ShimClient, startShim } from '@caisson/host/shim';
import { createFabricTransport } from '@caisson/link/transport';
import type { BackendImages } from '@caisson/testkit/backend';
import { laneFigure } from '@caisson/testkit/contract';
import { fakeSpec } from '@caisson/testkit/fake';
import { freePort } from '@caisson/testkit/loopback';
import { createFakeNitro } from '@caisson/testkit/nitro-cli';
import { programWords } from '@caisson/testkit/program';
import { makeImages } from './backend/image.ts';
import { simulatorSkip as skip } from './backend/simulator-skip.ts';

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

if (skip) console.error(`shim: SKIPPED, NOTHING WAS STARTED: ${skip}`);
const timeout = 300_000;

let made: Promise<BackendImages> | undefined;
const measured = new Map<string, ReturnType<typeof measureImage>>();
const words = programWords();

async function start(
  name: string,
  kind: keyof BackendImages,
  changes: Partial<RecordedSpec> = {},
): Promise<ShimClient> {
  made ??= makeImages(folder);
  const image = (await made)[kind];
  measured.set(image, measured.get(image) ?? measureImage(image));
  const asked = { image, measurements: await measured.get(image)!, memoryMiB: 384, cpus: { count: 1 }, ingress: [] };
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

test('whoever is killed (shim, supervisor, PID 1, its room), one enclave of the name is ready again, at the same port, and nothing of the others is left', {
  skip,
  timeout: 1_200_000,
}, async () => {
  const port = await freePort();
  const changes: Partial<RecordedSpec> = { ingress: [{ ...rule, hostPort: port, holdMs: 0 }], restart: 'always' };
  let client = await start('tough', 'hello', changes);
  const victims = ['enclave', 'room', 'shim', 'supervisor'] as const;
  const all = new Set<number>();
  for (let round = 0; round < laneFigure('F-keep-kills'); round += 1) {
    await untilReady(client, 'tough');
    const { pids, shim, since } = await client.status();
    for (const pid of pids) all.add(pid);
    const victim = victims[round % victims.length];
    const [first = 0, last = 0] = [pids[0], pids.at(-1)];
    if (victim === 'supervisor') process.kill(await supervisorOf(first), 'SIGKILL');
    if (victim === 'enclave') process.kill(first, 'SIGKILL');
    if (victim === 'room') process.kill(last, 'SIGKILL');
    if (victim === 'shim') {
      process.kill(shim.pid, 'SIGKILL');
      await gone(shim.pid);
      client = await start('tough', 'hello', changes);
    }
    // Nobody has noticed yet while it is as it was.
    while ((await client.status()).since === since) await pause(5);
  }
  await untilReady(client, 'tough');
  equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'hello from inside');
  const { pids } = await client.status();
  for (const pid of all) if (!pids.includes(pid)) await gone(pid);
  await client.stop();
  for (const pid of pids) await gone(pid);
  await client.close();
});

test('kept and stopped again and again, enclaves leave no process, socket or file', {
  skip,
  timeout: 1_200_000,
}, async () => {
  const traces = (): string[] =>
    readdirSync(state, { recursive: true, encoding: 'utf8' })
      .filter((name) => !name.startsWith('enclaves/cycle/log'))
      .sort();
  let before: string[] | undefined;
  for (let cycle = 0; cycle < laneFigure('F-keep-cycles') + 1; cycle += 1) {
    const client = await start('cycle', 'waits', { hasReadyLine: false });
    await untilReady(client, 'cycle');
    const { pids, shim } = await client.status();
    equal((await client.stop()).phase, 'stopped');
    await client.close();
    for (const pid of [...pids, shim.pid]) await gone(pid);
    before ??= traces();
    deepEqual(traces(), before);
  }
});

async function untilReady(client: ShimClient, name: string): Promise<void> {
  try {
    while ((await client.status()).phase !== 'ready') await pause(5);
  } catch (cause) {
    const last = await readState(state, name);
    throw new Error(`${name} is ${last?.phase}: ${JSON.stringify(last?.failure ?? last?.end)}`, { cause });
  }
}

async function gone(pid: number): Promise<void> {
  while ((await readProcessStart(pid)) !== '') await pause(5);
}

test('an enclave whose supervisor is killed lets nobody in until the next one has spoken, and goes on', {
  skip,
  timeout,
}, async () => {
  const client = await start('headless', 'hello', { ingress: [{ ...rule, holdMs: 0 }] });
  const reasons: unknown[] = [];
  let killed = false;
  for await (const { fields } of client.events({ follow: true })) {
    if (fields['phase'] === 'degraded') reasons.push(fields['reasons']);
    if (fields['phase'] !== 'ready') continue;
    if (killed) break;
    killed = true;
    process.kill(await supervisorOf((await client.status()).pids[0] ?? 0), 'SIGKILL');
  }
  deepEqual(reasons[0], ['ready-line-lost']);
  equal(await (await fetch(`http://127.0.0.1:${await wayIn(client)}/`)).text(), 'hello from inside');
  const { restarts, phase } = await client.status();
  deepEqual([restarts, phase], [0, 'ready']);
  await client.stop();
  await client.close();
});

/** The child of PID 1 that runs the enclave program. */
async function supervisorOf(pid: number): Promise<number> {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ');
  const found = children.find((one) => readFileSync(`/proc/${one}/cmdline`, 'latin1').endsWith('\0supervise\0'));
  ok(found !== undefined, `PID 1 has ${children.length} children, and none is the supervisor`);
  return Number(found);
}

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

test('an enclave of nitro-cli outlives its shim and is taken over by the next, with its ways in', {
  timeout,
}, async (context) => {
  const image = join(folder, 'waits-nitro.eif');
  const planned = await planEif(
    {
      architecture: 'x86_64',
      kernel: Buffer.from('kernel'),
      cmdline: 'quiet',
      metadata: {},
      ramdisks: [Buffer.from('first')],
    },
    () => createHash('sha384'),
  );
  const pieces: Uint8Array[] = [];
  for await (const piece of planned.open()) pieces.push(piece.slice());
  writeFileSync(image, Buffer.concat(pieces));
  const measurements = await measureImage(image);
  mkdirSync(join(folder, 'nitro'));
  const fake = createFakeNitro(join(folder, 'nitro'), { [image]: { ...measurements } });
  context.after(() => fake.close());
  const fabric = join(folder, 'fabric');
  mkdirSync(join(fabric, '3'), { recursive: true, mode: 0o700 });
  const asked = { image, measurements, memoryMiB: 64, cpus: { count: 2 }, ingress: [{ ...rule, holdMs: 0 }] };
  await writeSpec(state, fakeSpec('metal', { ...asked, backend: 'nitro', hasReadyLine: false }));
  const env = {
    ...process.env,
    PATH: `${fake.path}:${process.env['PATH']}`,
    CAISSON_NITRO_ROOT: fake.root,
    CAISSON_VSOCK: `fabric:${fabric}`,
  };
  const keep = (): Promise<ShimClient> => startShim({ state, name: 'metal', words, env });
  const client = await keep();
  for await (const { fields } of client.events({ follow: true })) if (fields['phase'] === 'ready') break;
  const { shim, cid, pids, vsock } = await client.status();
  deepEqual([fake.enclaves().map(({ ProcessID }) => ProcessID), vsock], [[...pids], `fabric:${fabric}`]);
  process.kill(shim.pid, 'SIGKILL');
  while ((await readProcessStart(shim.pid)) !== '') await pause(5);
  equal(fake.enclaves().length, 1);
  // As the application would.
  const inside = createFabricTransport({ directory: fabric, localCid: toCid(cid ?? 0) });
  const listener = await inside.listen(
    { cid: CID_ANY, port: toVsockPort(8080) },
    {},
    (socket) => void socket.on('error', () => {}).end('still here'),
  );
  const next = await keep();
  const codes: string[] = [];
  for await (const { code, fields } of next.events({ follow: true })) {
    codes.push(code);
    if (fields['phase'] === 'ready') break;
  }
  ok(codes.includes('ENCLAVE_ADOPTED'), codes.join(' '));
  const now = await next.status();
  deepEqual([now.cid, now.pids, fake.enclaves().length], [cid, pids, 1]);
  let heard = '';
  for await (const chunk of connect({ port: await wayIn(next), host: '127.0.0.1' })) heard += String(chunk);
  equal(heard, 'still here');
  await listener.close();
  const last = await next.stop();
  deepEqual([last.phase, last.end?.byHost, fake.enclaves().length], ['stopped', true, 0]);
  await next.close();
});

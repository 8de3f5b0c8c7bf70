// One enclave kept, against enclaves that are scripts over a real fabric: what gets in and when, what is told, how it ends and begins again.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { CID_PARENT, hostPort } from '@caisson/core/address';
import { CaissonError } from '@caisson/core/errors';
import { RAW_CONFIG_PORT, receiveConfig } from '@caisson/link/config';
import { createLinuxKernel } from '@caisson/sys';
import {
  createFakeBackend,
  createFakeClock,
  endShims,
  type FakeClock,
  type FakeEnclave,
  fakeSpec,
  isReady,
  type KeepTerms,
  type KeptShim,
  keepShim,
} from '@caisson/testkit/fake';
import { BootError } from '../backend/index.ts';
import { readLastWords } from '../ready/index.ts';
import { enclaveFolder, type RecordedState, readState, writeSpec } from '../record/index.ts';
import { openShim, runShim, type ShimEvent } from './index.ts';
import { shimSocketPath } from './socket-place.ts';

const kernel = createLinuxKernel();
let folder = '';
const kept: KeptShim[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'c-shim-'));
});
afterEach(async () => {
  await endShims(kept.splice(0));
  rmSync(folder, { recursive: true, force: true });
});

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

async function keep(...terms: KeepTerms): Promise<KeptShim> {
  const one = await keepShim(folder, ...terms);
  kept.push(one);
  return one;
}

const phases = ({ events }: KeptShim): unknown[] =>
  events.filter(({ code }) => code === 'ENCLAVE_PHASE').map(({ fields }) => fields['phase']);
const bound = async (one: KeptShim): Promise<number> =>
  Number((await one.until(({ code }) => code === 'INGRESS_BOUND')).fields['port']);
const rule = (vsockPort: number, holdMs = 0) => ({
  hostAddress: '127.0.0.1',
  hostPort: 0,
  port: vsockPort,
  vsockPort,
  holdMs,
});

/** What comes back for one byte: itself, or how the connection ended. */
async function ask(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    socket.write('x');
    const [bytes] = (await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => ['closed'])])) as [
      Buffer | string,
    ];
    return bytes.toString();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    socket.destroy();
  }
}

/** The shim lingers by its own clock. */
async function settled({ over }: KeptShim, clock: FakeClock): Promise<RecordedState> {
  let isOver = false;
  void over.finally(() => (isOver = true));
  while (!isOver) {
    await clock.advance(500);
    await turn();
  }
  return await over;
}

const diesAfter =
  (ms: number, code?: number) =>
  (fake: FakeEnclave): void => {
    isReady(fake);
    setTimeout(() => (code === undefined ? fake.die() : fake.exit(code)), ms);
  };

test('the phases of an enclave are in its state and its events, with their moments, and an orderly stop leaves nothing', async () => {
  const one = await keep();
  await one.phase('ready');
  const state = await one.client.status();
  assert.deepEqual([state.phase, state.cid, state.bootId?.length, state.restarts], ['ready', 16, 32, 0]);
  assert.equal(state.vsock, `fabric:${join(folder, 'fabric')}`);
  assert.ok(state.heartbeatMs !== null && state.readyMs !== null && state.readyMs >= state.heartbeatMs);
  while ((await readState(folder, 'web'))?.phase !== 'ready') await turn();
  const last = await one.client.stop();
  assert.deepEqual([last.phase, last.end?.exit, last.end?.text, last.pids], ['stopped', 0, 'ended with 0', []]);
  await one.over;
  assert.deepEqual(phases(one), ['starting', 'booting', 'ready', 'stopping', 'stopped']);
  assert.equal((await readState(folder, 'web'))?.phase, 'stopped');
  assert.equal(await openShim(folder, 'web'), undefined);
  assert.deepEqual(readdirSync(enclaveFolder(folder, 'web').sock), []);
  assert.deepEqual(readdirSync(join(folder, 'fabric/3')), []);
  assert.ok(!existsSync(enclaveFolder(folder, 'web').shimPid));
  const kept = readFileSync(enclaveFolder(folder, 'web').events, 'utf8').trimEnd().split('\n');
  assert.deepEqual(
    kept.map((line) => (JSON.parse(line) as ShimEvent).fields['seq']),
    kept.map((_, index) => index + 1),
  );
});

test('ways in are closed before ready, open while it is, closed while it is degraded and after, each time counted with the reason', async () => {
  let enclave: FakeEnclave | undefined;
  const one = await keep(
    { ingress: [rule(3000)] },
    {
      async live(fake) {
        enclave = fake;
        await fake.echo(3000);
        fake.beat();
        fake.reporter.report('services', []);
        void fake.asked.then(() => fake.exit(0));
      },
    },
  );
  const port = await bound(one);
  await one.phase('services');
  assert.notEqual(await ask(port), 'x');
  const refused = await one.until(({ code }) => code === 'INGRESS_REFUSED');
  assert.match(refused.message, /-> 3000 refused 1 connections: enclave must be ready, it is services$/);
  enclave?.reporter.report('ready', []);
  await one.phase('ready');
  assert.equal(await ask(port), 'x');
  enclave?.reporter.report('degraded', [{ code: 'service-failed', service: 'app' }]);
  await one.phase('degraded');
  assert.notEqual(await ask(port), 'x');
  const { ingress } = await one.client.stats();
  assert.deepEqual(
    ingress.map(({ name, accepted, refused: no, bytesIn, bytesOut }) => [name, accepted, no, bytesIn, bytesOut]),
    [[`127.0.0.1:${port} -> 3000`, 1, 2, 1, 1]],
  );
});

test('a rule with hold keeps a caller waiting until ready, and no longer than it says', async () => {
  let enclave: FakeEnclave | undefined;
  const one = await keep(
    { ingress: [rule(3000, 20_000), rule(3001, 50)] },
    {
      async live(fake) {
        enclave = fake;
        for (const port of [3000, 3001]) await fake.echo(port);
        fake.beat();
        fake.reporter.report('services', []);
        void fake.asked.then(() => fake.exit(0));
      },
    },
  );
  await one.phase('services');
  const ports = one.events.filter(({ code }) => code === 'INGRESS_BOUND').map(({ fields }) => Number(fields['port']));
  assert.notEqual(await ask(ports[1] ?? 0), 'x');
  await one.until(({ message }) => /must be ready within 50 ms, it is services$/.test(message));
  const held = ask(ports[0] ?? 0);
  enclave?.reporter.report('ready', []);
  assert.equal(await held, 'x');
});

test('the ways out stand before the first instruction, each to its own target, for this enclave alone', async () => {
  const server = createServer((socket) => socket.on('error', () => {}).end('outside')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  let heard = '';
  const one = await keep(
    {
      egress: [
        { host: '127.0.0.1', port: 1 },
        { host: '127.0.0.1', port },
      ],
    },
    {
      async live(fake) {
        const { cid, transport } = fake;
        // Refused at once would be an error here: nobody waits for a listener.
        const socket = await transport.connect({ cid: CID_PARENT, port: hostPort(cid, 17) });
        for await (const chunk of socket) heard += String(chunk);
        socket.destroy();
        const dead = await transport.connect({ cid: CID_PARENT, port: hostPort(cid, 16) });
        for await (const _ of dead.on('error', () => {}));
        isReady(fake);
      },
    },
  );
  await one.phase('ready');
  assert.equal(heard, 'outside');
  assert.match((await one.until(({ code }) => code === 'EGRESS_FAILED')).message, /127\.0\.0\.1:1 ECONNREFUSED$/);
  const { egress } = await one.client.stats();
  assert.deepEqual(
    egress.map(({ name, accepted, failed, bytesIn }) => [name, accepted, failed, bytesIn]),
    [
      ['127.0.0.1:1', 1, 1, 0],
      [`127.0.0.1:${port}`, 1, 0, 7],
    ],
  );
  server.close();
});

test('the boot config is sent when it is awaited, once, and only if it is the one that was asked for', async () => {
  const path = join(folder, 'config.json');
  writeFileSync(path, '{"a":1}');
  const sha384 = createHash('sha384').update('{"a":1}').digest('hex');
  const taken: string[] = [];
  const live = async (fake: FakeEnclave): Promise<void> => {
    fake.beat();
    void fake.asked.then(() => fake.exit(0));
    const bytes = await receiveConfig({
      transport: fake.transport,
      port: RAW_CONFIG_PORT,
      onListening: () => fake.reporter.report('config', [{ code: 'config-awaited' }]),
    });
    taken.push(Buffer.from(bytes).toString());
    fake.reporter.configTaken(sha384);
    fake.reporter.report('ready', []);
  };
  const one = await keep({ config: { path, sha384 } }, { live });
  await one.phase('ready');
  assert.deepEqual(taken, ['{"a":1}']);
  assert.equal((await one.client.status()).configSha384, sha384);
  await one.client.stop();
  await one.over;
  writeFileSync(path, '{"a":2}');
  const other = await keep({ config: { path, sha384 }, restart: 'always' }, { live });
  const { failure, phase } = await other.over;
  assert.deepEqual([phase, failure?.code, taken.length], ['failed', 'SHIM_CONFIG', 1]);
});

test('an enclave that connects and never becomes ready is ended in time, with its last phase and its reasons', async () => {
  const one = await keep(
    { readyTimeoutMs: 1_500 },
    {
      live(fake) {
        fake.beat();
        fake.reporter.report('services', [{ code: 'service-not-ready', service: 'app' }]);
        void fake.asked.then(() => fake.exit(0));
      },
    },
  );
  const { phase, failure } = await one.over;
  assert.equal(phase, 'failed');
  assert.deepEqual(failure, {
    code: 'SHIM_LATE',
    message: 'enclave web must be ready within 1500 ms, its last phase is services (service-not-ready app)',
    hint: 'a longer ready timeout, or the reasons above',
  });
  assert.deepEqual(one.backend.running, []);
});

test('an enclave that says that it has failed is failed with its reasons, its words and the exit that was seen', async () => {
  const one = await keep(
    {},
    {
      async live(fake) {
        fake.beat();
        fake.reporter.lastWords('app', ['one', 'two']);
        fake.reporter.report('failed', [{ code: 'service-failed', service: 'app' }]);
        await fake.reporter.finish(3, 'service-failed');
        fake.die();
      },
    },
  );
  const state = await one.over;
  assert.deepEqual([state.phase, state.end?.exit], ['failed', 3]);
  assert.deepEqual(
    [state.failure?.code, state.failure?.message],
    ['SHIM_FAILED', 'enclave web has failed: service-failed app'],
  );
  const words = await readLastWords(enclaveFolder(folder, 'web').lastWords);
  assert.deepEqual([words.words, words.final?.exit], [[{ service: 'app', lines: ['one', 'two'] }], 3]);
});

test('an enclave that floods its ready line with last words costs a few events and as many writes as the disk takes', async () => {
  const words = (index: number) => ({ v: 1, words: { service: 'app', part: 0, parts: 1, lines: [`word ${index}`] } });
  const one = await keep(
    {},
    {
      async live(fake) {
        fake.beat();
        const line = await fake.transport.connect(
          { cid: CID_PARENT, port: hostPort(fake.cid, 0) },
          { timeoutMs: 1_000 },
        );
        const state = {
          v: 1,
          bootId: 'ab'.repeat(16),
          phase: 'ready',
          uptimeMs: 1,
          profile: 'development',
          clock: 'tsc',
        };
        const flood = Array.from({ length: 4_000 }, (_, index) => JSON.stringify(words(index)));
        line.end(`${[JSON.stringify({ ...state, reasons: [] }), ...flood].join('\n')}\n`);
        await once(line.resume(), 'close');
        fake.die();
      },
    },
  );
  await one.over;
  const told = one.events.filter(({ code }) => code === 'LAST_WORDS').length;
  assert.ok(told >= 1 && told <= 64, `${told} events`);
  const kept = await readLastWords(enclaveFolder(folder, 'web').lastWords);
  assert.deepEqual(kept.words, [{ service: 'app', lines: ['word 3999'] }]);
});

test('an enclave that comes back to its ready line again and again, with faults, ends or configs that do not get through, costs a few events', async () => {
  const path = join(folder, 'boot-config.json');
  writeFileSync(path, '{}');
  const config = { path, sha384: createHash('sha384').update('{}').digest('hex') };
  const one = await keep(
    { config },
    {
      async live(fake) {
        fake.beat();
        const taker = await fake.transport.listen({ cid: fake.cid, port: RAW_CONFIG_PORT }, {}, (socket) =>
          socket.destroy(),
        );
        const say = async (lines: readonly object[], rest = ''): Promise<void> => {
          const line = await fake.transport.connect(
            { cid: CID_PARENT, port: hostPort(fake.cid, 0) },
            { timeoutMs: 60_000 },
          );
          line.end(`${lines.map((each) => `${JSON.stringify(each)}\n`).join('')}${rest}`);
          await once(line.on('error', () => {}).resume(), 'close');
        };
        const shared = { v: 1, uptimeMs: 1, profile: 'development', clock: 'tsc' };
        const awaits = { phase: 'config', reasons: [{ code: 'config-awaited' }] };
        for (let index = 0; index < 100; index += 1) {
          const bootId = index.toString(16).padStart(32, '0');
          const state = { ...shared, bootId, ...awaits };
          await say(Array(50).fill(state), 'no line\n');
          await say([state, { v: 1, final: true, exit: 0, code: 'stopped' }]);
        }
        await taker.close();
        fake.die();
      },
    },
  );
  await one.over;
  const told = Object.groupBy(one.events, ({ code }) => code);
  for (const code of ['READY_LINE_FAULT', 'ENCLAVE_FINAL', 'CONFIG_UNSENT', 'CONFIG_SENT']) {
    const count = told[code]?.length ?? 0;
    assert.ok(count <= 16, `${count} of ${code}`);
  }
  assert.ok((told['READY_LINE_FAULT']?.length ?? 0) >= 1 && (told['ENCLAVE_FINAL']?.length ?? 0) >= 1);
});

test('an exit code is told only where it was seen', async () => {
  const died = await keep({}, { live: diesAfter(50) });
  assert.deepEqual((({ phase, end }) => [phase, end?.exit, end?.text])(await died.over), [
    'exited',
    null,
    'died without an exit code',
  ]);
  const ended = await keep({}, { live: diesAfter(50, 7) });
  assert.deepEqual((({ phase, end }) => [phase, end?.exit])(await ended.over), ['exited', 7]);
});

test('a boot that comes to nothing is failed with the evidence, and nothing of it is tried again', async () => {
  const one = await keep(
    { restart: 'always' },
    {
      live(fake) {
        fake.print('caisson-init: no command\ncaisson-init: exit 125\n');
        fake.exit(125);
      },
    },
  );
  const { phase, failure, end } = await one.over;
  assert.deepEqual([phase, failure?.code, end?.exit, one.backend.boots], ['failed', 'BACKEND_BOOT', 125, 1]);
  assert.match(failure?.message ?? '', /^enclave web ended with 125 before its heartbeat/);
  assert.match(readFileSync(enclaveFolder(folder, 'web').console, 'utf8'), /no command/);
});

test('starts again as the policy has it: after a second, then twice as long to a minute, from the beginning after ten minutes of ready', async () => {
  const clock = createFakeClock();
  const one = await keep({ restart: 'on-failure' }, {}, { clock });
  const waits = (): readonly number[] =>
    one.events.flatMap(({ fields }) =>
      fields['phase'] === 'waiting' ? [Number(/[0-9]+/.exec(String(fields['reasons'])))] : [],
    );
  const endReady = async (boot: number, code: number): Promise<void> => {
    while (one.backend.boots < boot || (await one.client.status()).phase !== 'ready') await turn();
    one.backend.running[0]?.exit(code);
  };
  for (let boot = 1; boot <= 9; boot += 1) {
    await endReady(boot, 1);
    while (waits().length < boot) await turn();
    // Not a moment before.
    await clock.advance((waits()[boot - 1] ?? 0) - 1);
    assert.equal(one.backend.boots, boot);
    await clock.advance(1);
  }
  assert.deepEqual(
    waits(),
    [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000),
  );
  while ((await one.client.status()).phase !== 'ready') await turn();
  await clock.advance(600_000);
  await endReady(10, 1);
  while (waits().length < 10) await turn();
  assert.equal(waits().at(-1), 1_000);
  await clock.advance(1_000);
  // What went well is no failure.
  await endReady(11, 0);
  assert.deepEqual((({ phase, restarts, end }) => [phase, restarts, end?.exit])(await settled(one, clock)), [
    'exited',
    10,
    0,
  ]);
});

test('restart ends it and starts it again under the same shim, whatever the policy', async () => {
  const one = await keep({ restart: 'no' });
  await one.phase('ready');
  const before = await one.client.status();
  const { phase } = await one.client.restart();
  assert.ok(['starting', 'booting', 'ready'].includes(phase), phase);
  await one.until(({ code }) => code === 'ENCLAVE_AGAIN');
  while ((await one.client.status()).phase !== 'ready') await turn();
  const after = await one.client.status();
  assert.deepEqual([after.shim, after.restarts, one.backend.boots], [before.shim, 1, 2]);
  assert.notEqual(after.bootId, before.bootId);
});

test('SIGTERM of the shim is an orderly stop of the enclave, also while it starts or waits', async () => {
  const one = await keep();
  await one.phase('ready');
  one.stop.abort('SIGTERM');
  assert.deepEqual((({ phase, end }) => [phase, end?.exit])(await one.over), ['stopped', 0]);
  const starting = await keep({}, { live: () => {} });
  await starting.phase('booting');
  starting.stop.abort('SIGTERM');
  assert.equal((await starting.over).phase, 'stopped');
  assert.deepEqual(starting.backend.running, []);
  const waiting = await keep({ restart: 'always' }, { live: diesAfter(20) });
  await waiting.phase('waiting');
  assert.equal((await waiting.client.stop()).phase, 'stopped');
  await waiting.over;
});

test('an image without a ready line counts as ready at its heartbeat, and its state says so', async () => {
  const one = await keep(
    { hasReadyLine: false },
    {
      live(fake) {
        fake.beat();
        void fake.asked.then(() => fake.exit(0));
      },
    },
  );
  await one.phase('ready');
  assert.deepEqual((await one.client.status()).departures, [
    'the image has no ready line: it counts as ready at its heartbeat',
  ]);
});

test('an enclave whose line is lost lets nobody in until it speaks again', async () => {
  let enclave: FakeEnclave | undefined;
  const one = await keep(
    { ingress: [rule(3000)] },
    {
      live: async (fake) => {
        enclave = fake;
        await fake.echo(3000);
        isReady(fake);
      },
    },
  );
  const port = await bound(one);
  await one.phase('ready');
  enclave?.reporter.close();
  const lost = await one.phase('degraded');
  assert.deepEqual(lost.fields['reasons'], ['ready-line-lost']);
  assert.notEqual(await ask(port), 'x');
});

test('a port that is taken is said with the name of whoever has it, and nothing is started', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const one = await keep({ ingress: [{ ...rule(3000), hostPort: port }], restart: 'always' });
  const { phase, failure } = await one.over;
  assert.deepEqual([phase, failure?.code, one.backend.boots], ['failed', 'SHIM_PORT', 0]);
  assert.match(
    failure?.message ?? '',
    new RegExp(`^port ${port} of 127.0.0.1 must be free for enclave web: process ${process.pid} \\(`),
  );
  server.close();
});

test('a name has one shim: the second is refused, and the first goes on', async () => {
  const one = await keep();
  await one.phase('ready');
  const second = runShim({
    state: folder,
    name: 'web',
    version: '0.1.0',
    kernel,
    openBackend: () => one.backend,
    stop: new AbortController().signal,
  });
  await assert.rejects(second, { code: 'SHIM_TAKEN' });
  assert.equal((await one.client.status()).phase, 'ready');
  assert.equal(one.backend.boots, 1);
});

test('what the backend is not is told at the first start in a state folder, and not again', async () => {
  const first = await keep();
  const told = ({ events }: KeptShim): string[] =>
    events.filter(({ code }) => code === 'BACKEND_DIFFERS').map(({ message }) => message);
  await first.phase('ready');
  assert.deepEqual(told(first), ['SIMULATED: a script']);
  first.stop.abort();
  await first.over;
  const second = await keep();
  await second.phase('ready');
  assert.deepEqual(told(second), []);
});

test('a record that is removed while its shim starts is started by nobody', async () => {
  const backend = createFakeBackend({ folder });
  await writeSpec(folder, fakeSpec('web'));
  const run = runShim({
    state: folder,
    name: 'web',
    version: '0.1.0',
    kernel,
    openBackend: () => backend,
    stop: new AbortController().signal,
    onStep: () => rmSync(enclaveFolder(folder, 'web').spec, { force: true }),
  });
  await assert.rejects(run, { code: 'RECORD_UNKNOWN' });
  assert.equal(backend.boots, 0);
});

test('what a backend cannot start is failed with its own words', async () => {
  const one = await keep(
    {},
    {
      refuse: () => {
        throw new BootError('web', { lateMs: 5 }, 'tail');
      },
    },
  );
  const { phase, failure } = await one.over;
  assert.deepEqual([phase, failure?.code], ['failed', 'BACKEND_LATE']);
});

test('an enclave that cannot be ended may still run, and that is told with the cause, also to whoever asked for its end', async () => {
  const refuseEnd = (): void => {
    throw new CaissonError('NITRO_FAILED', 'it does not end', { hint: 'by hand' });
  };
  const one = await keep({ readyTimeoutMs: 1_000 }, { live: (enclave) => enclave.beat(), refuseEnd });
  const { phase, failure } = await one.over;
  assert.deepEqual([phase, failure?.code, failure?.hint], ['failed', 'SHIM_LATE', 'by hand']);
  assert.match(failure?.message ?? '', /^enclave web must be ready .*; enclave web may still run: it does not end$/);
  const left = (): void => {
    throw new CaissonError('NITRO_LEFT', 'it may still run', { hint: 'by hand' });
  };
  const other = await keep({}, { live: () => {}, refuseStart: left });
  await other.phase('booting');
  const last = await other.client.stop();
  assert.deepEqual([last.phase, last.failure?.code], ['stopped', 'NITRO_LEFT']);
});

test('R-G6 a state folder that fills up while it runs is told and costs nothing; one that cannot be written at the start refuses', async () => {
  const one = await keep();
  await one.phase('ready');
  const { path } = enclaveFolder(folder, 'web');
  const away = join(folder, 'away');
  renameSync(path, away);
  writeFileSync(path, 'no folder any more');
  one.backend.running[0]?.reporter.report('degraded', [{ code: 'service-failed', service: 'app' }]);
  const told = await one.until(({ code }) => code === 'STATE_UNWRITTEN');
  assert.match(told.message, /^cannot write state of enclave web: ENOTDIR; the enclave goes on$/);
  assert.equal((await one.client.status()).phase, 'degraded');
  assert.equal(one.backend.running.length, 1);
  rmSync(path);
  renameSync(away, path);
  await one.client.stop();
  await one.over;
  assert.equal((await readState(folder, 'web'))?.phase, 'stopped');
  // Nothing can take its place: as on a file system that is read-only, nothing is started.
  mkdirSync(join(enclaveFolder(folder, 'full').state, 'x'), { recursive: true });
  await writeSpec(folder, { ...fakeSpec('full', { ingress: [] }) });
  const backend = createFakeBackend({ folder });
  const refused = runShim({
    state: folder,
    name: 'full',
    version: '0.1.0',
    kernel,
    openBackend: () => backend,
    stop: new AbortController().signal,
  });
  await assert.rejects(refused, {
    code: 'RECORD_STATE',
    message: /^cannot write state of enclave full: EISDIR|ENOTEMPTY/,
  });
  assert.equal(backend.boots, 0);
});

test('the console is kept, and can be followed from its beginning', async () => {
  const one = await keep(
    {},
    {
      live: (fake) => {
        fake.print('first\n');
        isReady(fake);
        setTimeout(() => fake.print('second\n'), 30);
      },
    },
  );
  await one.phase('ready');
  let text = '';
  const stop = new AbortController();
  for await (const piece of one.client.console({ follow: true, signal: stop.signal })) {
    text += Buffer.from(piece).toString();
    if (text.includes('second')) stop.abort();
  }
  assert.equal(text, 'first\nsecond\n');
  assert.equal(readFileSync(enclaveFolder(folder, 'web').console, 'utf8'), 'first\nsecond\n');
});

test('the console of a boot that hangs is followed while it does, and kept once', async () => {
  const one = await keep({ readyTimeoutMs: 60_000 }, { live: (fake) => fake.print('waits for ever\n') });
  await one.phase('booting');
  for await (const piece of one.client.console({ follow: true })) {
    if (Buffer.from(piece).toString().includes('waits for ever')) break;
  }
  await one.client.kill();
  assert.equal(readFileSync(enclaveFolder(folder, 'web').console, 'utf8'), 'waits for ever\n');
});

test('the console of an enclave on hardware is refused unless it is in debug mode', async () => {
  const live = (fake: FakeEnclave): void => {
    fake.print('said inside\n');
    isReady(fake);
  };
  const one = await keep({ backend: 'nitro' }, { live });
  await one.phase('ready');
  await assert.rejects(one.client.console({ follow: false })[Symbol.asyncIterator]().next(), {
    code: 'SHIM_CONSOLE',
    message: 'the console of enclave web can be read in debug mode only',
  });
});

test('a shim answers thirty-two at once: one more is cut off, and the others are still answered', async () => {
  const one = await keep();
  await one.phase('ready');
  const path = await shimSocketPath(folder, 'web');
  const others = Array.from({ length: 31 }, () => connect(path).on('error', () => {}));
  try {
    await Promise.all(others.map((socket) => once(socket, 'connect')));
    const late = connect(path).on('error', () => {});
    late.resume();
    await once(late, 'close');
    assert.equal((await one.client.status()).phase, 'ready');
    assert.ok(others.every(({ destroyed }) => !destroyed));
  } finally {
    for (const socket of others) socket.destroy();
  }
});

test('a shim of another build refuses a verb by its name, and nobody else is hurt', async () => {
  const one = await keep();
  const { connectShim } = await import('./client.ts');
  const { shimSocketPath } = await import('./index.ts');
  const { createChannel } = await import('@caisson/link/channel');
  const path = await shimSocketPath(folder, 'web');
  const socket: Socket = connect({ path, allowHalfOpen: true });
  await once(socket, 'connect');
  const channel = createChannel(socket, { role: 'dialler' });
  await assert.rejects(channel.request(33, Buffer.from('{"verb":"dance"}')), {
    remoteCode: 'SHIM_VERB',
    remoteText: /"dance", it knows status, stats, stop, kill, restart/ as never,
  });
  await assert.rejects(channel.request(33, Buffer.from('[]')), { remoteCode: 'SHIM_PROTOCOL' });
  channel.destroy();
  const again = await connectShim(path, 'web');
  assert.equal(again?.protocol, 1);
  await again?.close();
  await one.phase('ready');
});

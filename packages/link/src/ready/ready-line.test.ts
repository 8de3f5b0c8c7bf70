// Both ends of the ready line over the fabric: what the supervisor reports is what the host sees, across breaks, slow readers and ends.
import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CID_ANY, CID_PARENT, hostPort, toCid } from '@caisson/core/address';
import { createFabricTransport, type Transport } from '@caisson/link/transport';
import { laneBoundMs } from '@caisson/testkit/contract';
import {
  createReadyReporter,
  openLastWords,
  type ReadyEvent,
  type ReadyReporterOptions,
  serveReadyLine,
} from './index.ts';

const cid = toCid(16);
const bootId = 'a'.repeat(32);
const image = { profile: 'development', lastWords: 'inside', lastWordsKey: null } as const;

function wall(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const open = (localCid: number): Transport =>
    createFabricTransport({ directory, localCid: toCid(localCid), hostWide: true });
  return { directory, host: open(CID_PARENT), enclave: open(cid), open };
}

function report(t: TestContext, transport: Transport, options: Partial<ReadyReporterOptions> = {}) {
  const reporter = createReadyReporter({ transport, image, bootId, clock: 'kvm-clock', ...options });
  t.after(() => reporter.close());
  return reporter;
}

/** Listens for the enclave and gives its events one after the other. */
async function listen(
  t: TestContext,
  transport: Transport,
  options: { readonly silenceMs?: number; readonly cid?: number } = {},
) {
  const events: ReadyEvent[] = [];
  let wake = (): void => {};
  const server = await serveReadyLine({
    transport,
    cid: toCid(options.cid ?? cid),
    ...(options.silenceMs === undefined ? {} : { silenceMs: options.silenceMs }),
    onEvent(event) {
      events.push(event);
      wake();
    },
  });
  t.after(() => server.close());
  const until = async <Kind extends ReadyEvent['kind']>(
    kind: Kind,
    holds: (event: Extract<ReadyEvent, { kind: Kind }>) => boolean = () => true,
  ): Promise<Extract<ReadyEvent, { kind: Kind }>> => {
    for (;;) {
      const at = events.findIndex(
        (event) => event.kind === kind && holds(event as Extract<ReadyEvent, { kind: Kind }>),
      );
      if (at >= 0) return events.splice(0, at + 1).at(-1) as Extract<ReadyEvent, { kind: Kind }>;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { server, until };
}

test('the host sees every change of state and the last line, and then the end is known', async (t) => {
  const { host, enclave } = wall(t);
  const { server, until } = await listen(t, host);
  const reporter = report(t, enclave, { uptimeMs: () => 1234.5 });
  const first = await until('state');
  ok(first.isNewBoot);
  deepEqual(first.state, {
    kind: 'state',
    bootId,
    phase: 'booting',
    uptimeMs: 1234,
    configSha384: null,
    profile: 'development',
    clock: 'kvm-clock',
    reasons: [],
    more: 0,
  });
  reporter.configTaken('b'.repeat(96));
  equal((await until('state', ({ state }) => state.configSha384 !== null)).state.configSha384, 'b'.repeat(96));
  reporter.report('degraded', [{ code: 'service-exited', service: 'app', signal: 9 }]);
  const { state, isNewBoot } = await until('state', (event) => event.state.phase === 'degraded');
  deepEqual(state.reasons, [{ code: 'service-exited', service: 'app', signal: 9 }]);
  equal(isNewBoot, false);
  await reporter.finish(3, 'service-failed');
  deepEqual((await until('final')).final, { kind: 'final', exit: 3, code: 'service-failed' });
  equal(server.seen.standing, 'ended');
  deepEqual(server.seen.final?.exit, 3);
});

test('a host that listens later, or again, is told what holds, words included', async (t) => {
  const { host, enclave } = wall(t);
  const reporter = report(t, enclave);
  reporter.report('services', [{ code: 'service-starting', service: 'app' }]);
  reporter.lastWords('app', ['starting', 'cannot bind']);
  const first = await listen(t, host);
  equal((await first.until('state')).state.phase, 'services');
  deepEqual((await first.until('words')).words, { service: 'app', lines: ['starting', 'cannot bind'] });
  await first.server.close();
  reporter.report('failed', [{ code: 'service-failed', service: 'app', exit: 1 }]);
  const second = await listen(t, host);
  deepEqual((await second.until('state')).state.reasons, [{ code: 'service-failed', service: 'app', exit: 1 }]);
  deepEqual((await second.until('words')).words, { service: 'app', lines: ['starting', 'cannot bind'] });
  deepEqual(second.server.seen.words.length, 1);
});

test('words leave a production image sealed to its measured key, or not at all', async (t) => {
  const { host, enclave } = wall(t);
  const { server, until } = await listen(t, host);
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const lastWordsKey = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const silent = report(t, enclave, { image: { profile: 'production', lastWords: 'inside', lastWordsKey } });
  silent.lastWords('app', ['secret of the production']);
  await silent.finish(1, 'service-failed');
  await until('final');
  deepEqual(server.seen.words, []);

  const sealed = report(t, enclave, {
    image: { profile: 'production', lastWords: 'sealed', lastWordsKey },
    bootId: 'c'.repeat(32),
  });
  sealed.lastWords(
    'app',
    Array.from({ length: 200 }, (_, index) => `line ${index} ${'x'.repeat(100)}`),
  );
  const { words } = await until('words');
  ok('sealed' in words && !Buffer.from(words.sealed).includes('xxxx'));
  const opened = openLastWords(words.sealed, privateKey);
  equal(opened.bootId, 'c'.repeat(32));
  equal(opened.lines.length, 200);
  throws(
    () => createReadyReporter({ transport: enclave, image: { ...image, lastWords: 'sealed' }, bootId, clock: 'tsc' }),
    { code: 'READY_WORDS_KEY' },
  );
});

test('a host that does not read costs the supervisor neither time nor memory, and then gets the newest state', async (t) => {
  const { host, enclave } = wall(t);
  const accepted = Promise.withResolvers<Socket>();
  const listener = await host.listen({ cid: CID_ANY, port: hostPort(cid, 0) }, {}, (socket) =>
    accepted.resolve(socket.pause()),
  );
  t.after(() => listener.close());
  const reporter = report(t, enclave);
  const socket = await accepted.promise;
  t.after(() => socket.destroy());
  const before = process.memoryUsage().rss;
  for (let turn = 0; turn < 20_000; turn += 1) {
    reporter.report('degraded', Array(24).fill({ code: 'service-exited', service: `s${turn}`, exit: turn & 255 }));
    if (turn % 1_000 === 0) reporter.lastWords('app', [`turn ${turn} ${'x'.repeat(1_000)}`]);
    if (turn % 100 === 0) await new Promise(setImmediate);
  }
  ok(process.memoryUsage().rss - before < 64 * 2 ** 20, `${process.memoryUsage().rss - before} bytes more`);
  let text = '';
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      text += chunk;
      if (text.includes('"s19999"') && text.includes('turn 19000')) resolve();
    });
    socket.resume();
  });
  ok(text.split('\n').length < 2_000, 'states that nobody had room for were overtaken');
  ok((text.match(/"words"/g) ?? []).length <= 3, 'and so were words');
});

test('a reporter that nobody listens to does not hold its supervisor up', async (t) => {
  const { enclave } = wall(t);
  const reporter = report(t, enclave);
  const fromMs = performance.now();
  for (let turn = 0; turn < 1_000; turn += 1) reporter.report('services', []);
  await reporter.finish(0, 'stopped');
  ok(performance.now() - fromMs < laneBoundMs(1_100));
  reporter.report('ready', []);
  equal(reporter.state.phase, 'services', 'nothing is said after the last line');
});

test('a program without a CID of an enclave has a state and no line', async (t) => {
  const { host } = wall(t);
  const said: string[] = [];
  const reporter = report(t, host, { say: ({ code }) => void said.push(code) });
  reporter.report('ready', []);
  deepEqual(reporter.health(), { status: 'ok', phase: 'ready', reasons: [], bootId });
  await reporter.finish(0, 'stopped');
  deepEqual(said, ['READY_NO_LINE', 'READY_STARTING', 'READY_PHASE', 'READY_EXITED']);
});

test('every line of the log carries the boot id', async (t) => {
  const { enclave } = wall(t);
  const ids = new Set<unknown>();
  const reporter = report(t, enclave, { say: ({ fields }) => void ids.add(fields?.['bootId']) });
  reporter.report('config', [{ code: 'config-awaited' }]);
  await reporter.finish(0, 'stopped');
  deepEqual([...ids], [bootId]);
});

test('an end without a last line is lost, and a new boot of the same CID is a new boot', async (t) => {
  const { host, enclave } = wall(t);
  const { server, until } = await listen(t, host);
  const first = report(t, enclave);
  first.report('ready', []);
  first.lastWords('app', ['last']);
  await until('words');
  first.close();
  equal((await until('lost')).fault, undefined);
  equal(server.seen.standing, 'lost');
  equal(server.seen.words.length, 1, 'words survive the enclave');
  report(t, enclave, { bootId: 'd'.repeat(32) });
  ok((await until('state')).isNewBoot);
  deepEqual(server.seen.words, []);
});

test('no other CID is heard, and a second listener for one enclave is refused', async (t) => {
  const { host, enclave, open } = wall(t);
  const { server, until } = await listen(t, host);
  await rejects(serveReadyLine({ transport: host, cid, onEvent() {} }), { code: 'EADDRINUSE' });
  const neighbour = await listen(t, host, { cid: 17 });
  const liar = await open(17).connect({ cid: CID_PARENT, port: hostPort(cid, 0) });
  liar
    .on('error', () => {})
    .on('end', () => liar.destroy())
    .resume();
  const lie = report(t, open(17)).state;
  liar.write(`${JSON.stringify(lie)}\n`);
  await new Promise((resolve) => liar.on('close', resolve));
  await neighbour.until('state');
  equal(server.seen.standing, 'waiting');
  report(t, enclave);
  await until('state');
  equal(server.seen.standing, 'open');
  equal(neighbour.server.seen.state?.bootId, lie.bootId);
});

test('an enclave that says nothing for three heartbeats is silent, and open again with its next line', async (t) => {
  const { host, enclave } = wall(t);
  const { server, until } = await listen(t, host, { silenceMs: 40 });
  const quiet = report(t, enclave, { heartbeatMs: 3_600_000 });
  await until('state');
  equal((await until('silent')).forMs, 40);
  quiet.report('ready', []);
  equal((await until('state')).state.phase, 'ready');
  equal(server.seen.standing, 'open');
  quiet.close();
  await until('lost');
  report(t, enclave, { heartbeatMs: 5, bootId: 'e'.repeat(32) });
  for (let beats = 0; beats < 4; beats += 1) await until('state');
  equal(server.seen.standing, 'open');
});

test('what is not of the form ends the connection, and the place is told', async (t) => {
  const { host, enclave } = wall(t);
  const { server, until } = await listen(t, host);
  const good = JSON.stringify(report(t, enclave, { transport: enclave }).state);
  await until('state');
  const other = good.replace(bootId, 'f'.repeat(32));
  const streams: [string, RegExp][] = [
    ['hello\n', /JSON text must have a value/],
    ['x'.repeat(5_000), /at most 4096 bytes/],
    ['{"v":1,"final":true,"exit":0,"code":"stopped"}\n', /final must follow a state/],
    [`${good}\n${other}\n`, /bootId must not change on one connection/],
    [`${good}\n{"v":1,"words":{"service":"app","part":1,"parts":2,"lines":[]}}\n`, /does not follow part none/],
    [`${good}\n{"v":1,"final":true,"exit":0,"code":"stopped"}\n${good}\n`, /a boot that has ended cannot go on/],
  ];
  for (const [text, message] of streams) {
    const socket = await enclave.connect({ cid: CID_PARENT, port: hostPort(cid, 0) });
    socket.on('error', () => {}).resume();
    socket.write(text);
    const { fault } = await until('lost', (event) => event.fault !== undefined);
    match(String(fault?.message), message);
    socket.destroy();
  }
  await server.close();
});

test('an enclave that floods its line is read at a megabyte a second', async (t) => {
  const { host, enclave } = wall(t);
  const { until } = await listen(t, host);
  const socket = await enclave.connect({ cid: CID_PARENT, port: hostPort(cid, 0) });
  t.after(() => socket.destroy());
  const state = report(t, host, { bootId: 'f'.repeat(32) }).state;
  const line = `${JSON.stringify({ ...state, reasons: Array(24).fill({ code: 'service-starting', service: 'flood' }) })}\n`;
  const fromMs = performance.now();
  socket.write(line.repeat(Math.ceil(1_200_000 / line.length)));
  socket.write(`${JSON.stringify({ ...state, phase: 'ready' })}\n`);
  await until('state', (event) => event.state.phase === 'ready');
  const tookMs = performance.now() - fromMs;
  ok(tookMs > 700 && tookMs < laneBoundMs(3_000), `${tookMs}`);
});

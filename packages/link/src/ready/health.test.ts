// The health port and who asks it: every way in which a port can be there and not live has its own word, and the server's bounds hold
// against callers who do not mean well.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { encodeFrame } from '@caisson/core/frame';
import type { SaidLine } from '@caisson/link/argonaut';
import type { Transport } from '@caisson/link/transport';
import { laneBoundMs } from '@caisson/testkit/contract';
import { openWall, serveBy } from '@caisson/testkit/loopback';
import fc from 'fast-check';
import { askHealth, type HealthAnswer, serveHealth } from './index.ts';

const cid = toCid(16);
const port = toVsockPort(5000);
const well: HealthAnswer = { status: 'ok', phase: 'ready', reasons: [], bootId: 'a'.repeat(32) };
const question = encodeFrame(Buffer.from('{"action":"health"}'));

async function serve(t: TestContext, transport: Transport, nowMs = () => 0, answer: () => HealthAnswer = () => well) {
  const server = await serveHealth({ transport, port, health: answer, nowMs });
  t.after(() => server.close());
}

const ask = (transport: Transport, timeoutMs = 60_000) => askHealth({ transport, cid, port, timeoutMs });
const reply = (value: unknown) => encodeFrame(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));

test('a port that answers is heard with phase, reasons and boot id', async (t) => {
  const { host, enclave } = openWall(t, cid);
  const reasons = [{ code: 'service-failed', service: 'app', exit: 1 }] as const;
  await serve(t, enclave, undefined, () => ({ ...well, status: 'degraded', phase: 'degraded', reasons }));
  deepEqual(await ask(host), {
    kind: 'answered',
    health: { status: 'degraded', phase: 'degraded', reasons, bootId: well.bootId },
  });
});

test('says that it is bound, with the boot id', async (t) => {
  const { enclave } = openWall(t, cid);
  const said: unknown[] = [];
  const say = ({ code, fields }: SaidLine): void => void said.push([code, fields]);
  const server = await serveHealth({ transport: enclave, port, health: () => well, say });
  await server.close();
  deepEqual(said, [['READY_BOUND', { port: 5000, bootId: well.bootId }]]);
});

test('a port that refuses is refused', async (t) => {
  deepEqual(await ask(openWall(t, cid).host), { kind: 'refused' });
});

test('a CID that can never be reached is unreachable, with the errno name', async (t) => {
  deepEqual(await askHealth({ transport: openWall(t, cid).host, cid: toCid(2), port }), {
    kind: 'unreachable',
    code: 'ENODEV',
  });
});

test('a port that only accepts is silent', async (t) => {
  const { host, enclave } = openWall(t, cid);
  await serveBy(t, enclave, port, () => {});
  deepEqual(await ask(host, 30), { kind: 'silent', bytes: 0, afterMs: 30 });
});

test('a port that answers half is silent, and says how much came', async (t) => {
  const { host, enclave } = openWall(t, cid);
  await serveBy(t, enclave, port, (socket) => socket.write(reply(well).subarray(0, 9)));
  deepEqual(await ask(host, 60), { kind: 'silent', bytes: 9, afterMs: 60 });
});

test('a port that accepts and closes has closed early, whole or in the middle of an answer', async (t) => {
  for (const bytes of [0, 3, 9]) {
    const { host, enclave } = openWall(t, cid);
    await serveBy(t, enclave, port, (socket) => socket.end(reply(well).subarray(0, bytes)));
    deepEqual(await ask(host), { kind: 'closed-early', bytes });
  }
});

test('a port that resets has closed early', async (t) => {
  const { host, enclave } = openWall(t, cid);
  await serveBy(t, enclave, port, (socket) => socket.destroy());
  equal((await ask(host)).kind, 'closed-early');
});

test('a port of another protocol answers garbage, and none of it is shown', async (t) => {
  const answers: [Uint8Array | string, RegExp][] = [
    ['HTTP/1.1 400 Bad Request\r\n\r\n', /answer must have at most 16384 bytes, its header announces 1213486160/],
    [reply('not json'), /JSON text must have a value here/],
    [reply([]), /answer must be an object, got an array of 0/],
    [reply({ status: 'fine' }), /status must be one of ok, starting, degraded, failed, got "fine"/],
    [reply({}), /got nothing/],
    [reply(''), /JSON text/],
  ];
  for (const [bytes, why] of answers) {
    const { host, enclave } = openWall(t, cid);
    await serveBy(t, enclave, port, (socket) => socket.write(bytes));
    const outcome = await ask(host);
    ok(outcome.kind === 'garbage' && why.test(outcome.why), JSON.stringify(outcome));
  }
});

test('an application’s own server needs only a status, and its own words stay unread', async (t) => {
  const { host, enclave } = openWall(t, cid);
  await serveBy(t, enclave, port, (socket) =>
    socket.write(reply({ status: 'ok', phase: 'up', reasons: ['\u001b[31m'], version: 7 })),
  );
  deepEqual(await ask(host), {
    kind: 'answered',
    health: { status: 'ok', phase: null, reasons: [{ code: 'unknown' }], bootId: null },
  });
});

test('any answer is an outcome', async (t) => {
  const { host, enclave } = openWall(t, cid);
  let bytes: Uint8Array = new Uint8Array();
  await serveBy(t, enclave, port, (socket) => socket.end(bytes));
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.json().map(reply)), async (one) => {
      bytes = one;
      const { kind } = await ask(host);
      ok(['answered', 'declined', 'closed-early', 'garbage'].includes(kind), kind);
    }),
    { seed: 1, numRuns: 150 },
  );
});

test('answers several questions on one connection, and refuses what is no question', async (t) => {
  const { host, enclave } = openWall(t, cid);
  await serve(t, enclave);
  const talk = async (...frames: Uint8Array[]): Promise<string> => {
    const socket = await host.connect({ cid, port });
    socket.write(Buffer.concat(frames));
    const parts: Buffer[] = [];
    socket.on('data', (part: Buffer) => parts.push(part)).on('error', () => {});
    setImmediate(() => socket.end());
    await once(socket, 'close');
    return Buffer.concat(parts)
      .toString('latin1')
      .replace(/[\0-\x1f]...?(?={)|[\0-\x1f]/g, '');
  };
  equal((await talk(question, question)).match(/"status":"ok"/g)?.length, 2);
  ok((await talk(reply({ action: 'stop' }), question)).endsWith('{"error":"unknown-action"}'));
  ok((await talk(reply('[]'))).endsWith('{"error":"bad-request"}'));
  ok((await talk(reply('{"action":"health","action":"health"}'))).endsWith('{"error":"bad-request"}'));
  ok((await talk(Uint8Array.of(0, 0, 0x10, 1))).endsWith('{"error":"bad-request"}'), '4,097 bytes announced');
});

test('answers twenty in a second, tells the next that it is busy, and answers again with time', async (t) => {
  const { host, enclave } = openWall(t, cid);
  let nowMs = 0;
  await serve(t, enclave, () => nowMs);
  const kinds = async (count: number): Promise<string[]> => {
    const seen: string[] = [];
    for (let turn = 0; turn < count; turn += 1) seen.push((await ask(host)).kind);
    return seen;
  };
  deepEqual(new Set(await kinds(20)), new Set(['answered']));
  deepEqual(await ask(host), { kind: 'declined', error: 'busy' });
  nowMs = 100;
  deepEqual(await kinds(3), ['answered', 'answered', 'declined']);
});

test('sixteen that only hold the port are cut off after a second, and until then a seventeenth is', async (t) => {
  const { host, enclave } = openWall(t, cid);
  await serve(t, enclave);
  const holders = await Promise.all(Array.from({ length: 16 }, () => host.connect({ cid, port })));
  const fromMs = performance.now();
  const gone = holders.map((socket) => once(socket.on('error', () => {}).resume(), 'end'));
  // A byte now and then does not keep a caller in.
  for (const socket of holders.slice(0, 8)) socket.write(Uint8Array.of(0));
  await new Promise(setImmediate);
  equal((await ask(host)).kind, 'closed-early');
  await Promise.all(gone);
  const tookMs = performance.now() - fromMs;
  ok(tookMs > 800 && tookMs < laneBoundMs(2_500), `${tookMs}`);
  equal((await ask(host)).kind, 'answered');
});

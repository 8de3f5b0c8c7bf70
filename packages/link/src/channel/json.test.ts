// The JSON form on the port of a channel: from Python in ten lines, from askJson with every outcome told apart, and fuzzed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { after, before, test } from 'node:test';
import { CID_ANY, toCid, toVsockPort } from '@caisson/core/address';
import { encodeFrame, FrameReader } from '@caisson/core/frame';
import { laneFigure } from '@caisson/testkit/contract';
import fc from 'fast-check';
import { createFabricTransport, type Transport } from '../transport/index.ts';
import { type AnswerJson, askJson, createChannel } from './index.ts';

const health = { status: 'ok', phase: 'ready', reasons: [] };
const json: AnswerJson = (request) => {
  const action = request.get('action');
  if (action === 'health') return health;
  if (action === 'echo') return { text: String(request.get('text')) };
  if (action === 'great') return { text: 'x'.repeat(70_000) };
  throw new Error('the secret');
};

let folder: string;
let server: Server;
const path = (): string => join(folder, 'socket');

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'csn-'));
  server = createServer({ allowHalfOpen: true }, (socket) => {
    createChannel(socket, { role: 'listener', json }).serve({ 32: (payload) => payload });
  });
  await new Promise<void>((resolve) => server.listen(path(), resolve));
});
after(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

async function speak(bytes: Uint8Array, pieceBytes = bytes.length, frameTimeoutMs = 60_000): Promise<string[]> {
  const [raw, own] = duplexPair();
  const channel = createChannel(own, { role: 'listener', json, frameTimeoutMs });
  const reader = new FrameReader({ maxBytes: 70_000 });
  raw.on('data', (chunk: Uint8Array) => reader.push(chunk)).on('error', () => {});
  for (let at = 0; at < bytes.length; at += pieceBytes) raw.write(bytes.subarray(at, at + pieceBytes));
  raw.end();
  await channel.closed;
  const answers: string[] = [];
  for (let one = reader.next(); one !== undefined; one = reader.next()) answers.push(Buffer.from(one).toString());
  return answers;
}
const frames = (...texts: string[]): Buffer => Buffer.concat(texts.map((text) => encodeFrame(Buffer.from(text))));

test('the ten-line Python client of the page asks for health and is answered', async (context) => {
  const page = readFileSync(new URL('../../../../docs/wire/channel.md', import.meta.url), 'utf8');
  const [, program = ''] = /^```python\n([^`]+)^```/m.exec(page) ?? [];
  assert.ok(program.length > 0 && program.trimEnd().split('\n').length <= 10);
  const python = spawn('python3', ['-c', program.replace(/"\/[^"]+"/, JSON.stringify(path()))]);
  python.on('error', () => context.skip('python3 is not installed'));
  let text = '';
  python.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  python.stderr.pipe(process.stderr);
  const [code] = (await once(python, 'close')) as [number];
  if (code < 0) return;
  assert.equal(code, 0);
  assert.match(text, /'status': 'ok'/);
});

test('answers one to one and in order, on one connection, and the channel speaks on the same port', async () => {
  const answers = await speak(
    frames('{"action":"echo","text":"a"}', '{"action":"health"}', '{"action":"fail"}', '{"action":"great"}'),
  );
  assert.deepEqual(answers, ['{"text":"a"}', JSON.stringify(health), '{"error":"failed"}', '{"error":"too-large"}']);
  const { connect } = await import('node:net');
  const channel = createChannel(connect(path()), { role: 'dialler' });
  assert.equal((await channel.request(32, Buffer.from('both'))).length, 4);
  assert.equal(await channel.close(), undefined);
});

test('answers what is no request once and ends', async () => {
  assert.deepEqual(await speak(frames('{"a":1,"a":2}', '{"action":"health"}')), ['{"error":"bad-request"}']);
  assert.deepEqual(await speak(frames('{"action":"health"}', '[1]')), [
    JSON.stringify(health),
    '{"error":"bad-request"}',
  ]);
  assert.deepEqual(await speak(Buffer.concat([frames('{"action":"health"}'), Buffer.from([0, 1, 0, 1])])), [
    JSON.stringify(health),
    '{"error":"bad-request"}',
  ]);
});

test('a caller that begins a request and stops is cut off', async () => {
  const [raw, own] = duplexPair();
  const channel = createChannel(own, { role: 'listener', json, frameTimeoutMs: 40 });
  const cut = once(raw.on('error', () => {}).resume(), 'end');
  raw.write(frames('{"action":"health"}').subarray(0, 9));
  await cut;
  await channel.closed;
});

test('tells refused, unreachable, silent, closed early and garbage apart', async () => {
  const fabric = mkdtempSync(join(tmpdir(), 'csn-'));
  const [parent, enclave] = [toCid(3), toCid(16)].map((localCid) =>
    createFabricTransport({ directory: fabric, localCid }),
  );
  const target = { cid: toCid(16), port: toVsockPort(5005) };
  const ask = (timeoutMs: number, transport: Transport = parent!) =>
    askJson({ transport, ...target, timeoutMs }, { action: 'health' });
  const serve = async (answer: (socket: Socket) => void): Promise<() => Promise<void>> => {
    const sockets = new Set<Socket>();
    const listener = await enclave!.listen({ ...target, cid: CID_ANY }, {}, (socket) => {
      sockets.add(socket.on('error', () => {}));
      answer(socket);
    });
    return async () => {
      await listener.close();
      for (const socket of sockets) socket.destroy();
    };
  };
  const outcomes: [string, (socket: Socket) => void, number][] = [
    ['silent', () => {}, 40],
    ['closed-early', (socket) => socket.end(Buffer.of(0, 0, 0, 9, 123)), 2_000],
    ['garbage', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), 2_000],
    ['garbage', (socket) => socket.end(frames('[]')), 2_000],
    ['garbage', (socket) => socket.end(frames('{"a":1,"a":1}')), 2_000],
    ['answered', (socket) => void createChannel(socket, { role: 'listener', json }), 2_000],
  ];
  assert.deepEqual(await ask(2_000), { kind: 'refused' });
  const unreachable = { ...parent!, connect: () => Promise.reject(Object.assign(new Error('x'), { code: 'ENODEV' })) };
  assert.deepEqual(await ask(2_000, unreachable as Transport), { kind: 'unreachable', code: 'ENODEV' });
  for (const [kind, answer, timeoutMs] of outcomes) {
    const close = await serve(answer);
    const outcome = await ask(timeoutMs);
    assert.equal(outcome.kind, kind);
    if (outcome.kind === 'answered') assert.equal(outcome.answer.get('status'), 'ok');
    await close();
  }
  await assert.rejects(() => askJson({ transport: parent!, ...target }, { text: 'x'.repeat(65_536) }), TypeError);
  rmSync(fabric, { recursive: true });
});

test('whatever a stranger sends in the JSON form, each answer is an object, and the connection ends (T-P5)', async () => {
  const deep = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  const text = fc.oneof(
    fc.json({ maxDepth: 3 }),
    fc.constantFrom(
      '{"action":"health"}',
      '{"action":"great"}',
      '{"__proto__":{"action":"health"}}',
      '{"a":9007199254740993}',
    ),
    fc.constantFrom('{"action":"health","action":"echo"}', '{"action":["health"]}', deep(31), deep(40), '{}', ''),
    fc.string({ maxLength: 30 }).map((rest) => `{${rest}`),
  );
  const body = fc.oneof(
    { arbitrary: text.map((one) => Buffer.from(one)), weight: 8 },
    { arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)), weight: 1 },
  );
  // What 2^53 + 1 and 2^64 - 1 come to in a length of 32 bits is among these.
  const announced = fc.oneof(
    { arbitrary: fc.constant(undefined), weight: 30 },
    { arbitrary: fc.constantFrom(0, 1, 65_535, 65_536, 65_537, 2 ** 31, 2 ** 32 - 1), weight: 1 },
  );
  const perStream = 20;
  const frame = fc.tuple(body, announced).map(([bytes, length]) => {
    const whole = Buffer.from(encodeFrame(bytes));
    if (length !== undefined) whole.writeUInt32BE(length);
    return whole;
  });
  const stream = fc.record({
    list: fc.array(frame, { minLength: perStream, maxLength: perStream }),
    cut: fc.nat({ max: 40 }),
    pieceBytes: fc.integer({ min: 1, max: 700 }),
  });
  const check = async ({ list, cut, pieceBytes }: typeof stream extends fc.Arbitrary<infer One> ? One : never) => {
    // The first byte after the first length chooses the form.
    const all = Buffer.concat([frames('{"action":"health"}'), ...list]);
    const answers = await speak(all.subarray(0, Math.max(23, all.length - cut)), pieceBytes, 250);
    assert.equal(answers[0], JSON.stringify(health));
    for (const answer of answers) assert.equal(typeof JSON.parse(answer), 'object');
    assert.ok(answers.length <= perStream + 2);
  };
  // At once, because one that is refused waits for its caller to hang up.
  const atOnce = 100;
  await fc.assert(
    fc.asyncProperty(fc.array(stream, { minLength: atOnce, maxLength: atOnce }), async (streams) => {
      await Promise.all(streams.map(check));
    }),
    { seed: 6, numRuns: Math.max(1, Math.floor(laneFigure('T-P5') / perStream / atOnce)), endOnFailure: true },
  );
});

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
    createChannel(socket, { role: 'listener', json, frameTimeoutMs: 60 }).serve({ 32: (payload) => payload });
  });
  await new Promise<void>((resolve) => server.listen(path(), resolve));
});
after(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

async function speak(bytes: Uint8Array): Promise<string[]> {
  const [raw, own] = duplexPair();
  const channel = createChannel(own, { role: 'listener', json, frameTimeoutMs: 60 });
  const reader = new FrameReader({ maxBytes: 70_000 });
  raw.on('data', (chunk: Uint8Array) => reader.push(chunk)).on('error', () => {});
  raw.end(bytes);
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
  raw.on('error', () => {}).write(frames('{"action":"health"}').subarray(0, 9));
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

test('whatever a stranger sends in the JSON form, each answer is an object (T-P5)', async () => {
  const body = fc.oneof(
    fc.json({ maxDepth: 3 }),
    fc.constant('{"action":"health"}'),
    fc.string({ maxLength: 30 }).map((text) => `{${text}`),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(body, { minLength: 1, maxLength: 20 }), fc.nat({ max: 40 }), async (bodies, cut) => {
      // The first byte after the first length chooses the form.
      const all = frames('{"action":"health"}', ...bodies);
      const answers = await speak(all.subarray(0, Math.max(23, all.length - cut)));
      assert.equal(answers[0], JSON.stringify(health));
      for (const answer of answers) assert.equal(typeof JSON.parse(answer), 'object');
      assert.ok(answers.length <= bodies.length + 2);
    }),
    { seed: 6, numRuns: Math.ceil(laneFigure('T-P5') / 100) },
  );
});

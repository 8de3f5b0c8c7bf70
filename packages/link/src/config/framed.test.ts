// The framed form over a fabric: delivered with a reply, refused with faults, cut, stalled, crowded, and chosen before the raw one.
import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { toCid } from '@caisson/core/address';
import { CaissonError } from '@caisson/core/errors';
import { encodeFrame } from '@caisson/core/frame';
import type {
  ConfigForm,
  ConfigReceiverOptions,
  ConfigReply,
  DeliverConfigOptions,
  DeliveredConfig,
} from '@caisson/link/config';
import {
  deliverConfig,
  encodeConfigReply,
  encodeFramedConfig,
  FRAMED_CONFIG_PORT,
  openConfigReceiver,
  parseConfigReply,
  RAW_CONFIG_PORT,
  receiveConfig,
} from '@caisson/link/config';
import type { Transport } from '@caisson/link/transport';
import { createFabricTransport } from '@caisson/link/transport';
import { laneBoundMs } from '@caisson/testkit/contract';
import fc from 'fast-check';

const [hostCid, cid] = [toCid(3), toCid(16)];
const sha384 = 'ab'.repeat(48);
const taken: ConfigReply = { ok: true, sha384 };
const refused: ConfigReply = { ok: false, faults: [{ path: 'a.b', message: 'a.b must be there, got nothing' }] };
let directory: string;
let host: Transport;
let enclave: Transport;

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  host = createFabricTransport({ directory, localCid: hostCid });
  enclave = createFabricTransport({ directory, localCid: cid });
});
after(() => rmSync(directory, { recursive: true }));

interface Scene {
  /** What the judge was asked, in order. */
  readonly judged: { readonly text: string; readonly form: ConfigForm }[];
  readonly faults: CaissonError[];
  close(last?: ConfigReply): Promise<void>;
}

async function receiving(context: TestContext, options: Partial<ConfigReceiverOptions> = {}): Promise<Scene> {
  const judged: Scene['judged'] = [];
  const faults: CaissonError[] = [];
  const receiver = await openConfigReceiver({
    transport: enclave,
    forms: ['framed', 'raw'],
    async judge(bytes, form) {
      judged.push({ text: Buffer.from(bytes).toString(), form });
      return taken;
    },
    onSenderFault: (fault) => faults.push(fault),
    ...options,
  });
  context.after(() => receiver.close(refused));
  return { judged, faults, close: (last = refused) => receiver.close(last) };
}

const deliver = (text: string | Uint8Array, options: Partial<DeliverConfigOptions> = {}): Promise<DeliveredConfig> =>
  deliverConfig({ transport: host, cid, bytes: Buffer.from(text), timeoutMs: 2_000, ...options });

/** The text of the one frame that the receiver sends back, or undefined when it closes without. */
async function replyTo(...parts: Uint8Array[]): Promise<ConfigReply | undefined> {
  const socket = await host.connect({ cid, port: FRAMED_CONFIG_PORT });
  socket.on('error', () => {});
  for (const part of parts) socket.write(part);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  socket.destroy();
  const all = Buffer.concat(chunks);
  return all.length === 0 ? undefined : parseConfigReply(all.subarray(4));
}

test('delivers 1 byte and 1,048,576 bytes framed, unchanged, and brings the reply back', async (context) => {
  const seen: Uint8Array[] = [];
  await receiving(context, {
    async judge(bytes) {
      seen.push(bytes);
      return taken;
    },
  });
  for (const size of [1, 1_048_576]) {
    const bytes = randomBytes(size);
    deepEqual(await deliver(bytes), { form: 'framed', port: 7778, reply: taken });
    deepEqual(Buffer.from(seen.pop()!), bytes);
  }
});

test('brings a refusal back with every fault', async (context) => {
  await receiving(context, { judge: async () => refused });
  deepEqual(await deliver('{}'), { form: 'framed', port: 7778, reply: refused });
});

test('uses the raw port only where the framed one refuses and the raw one accepts', async (context) => {
  const both = await receiving(context);
  await deliver('{"a":1}');
  await deliver('{"b":1}', { form: 'raw' });
  await both.close();
  deepEqual(both.judged, [
    { text: '{"a":1}', form: 'framed' },
    { text: '{"b":1}', form: 'raw' },
  ]);
  const old = await receiving(context, { forms: ['raw'] });
  deepEqual(await deliver('{"c":1}'), { form: 'raw', port: 7777 });
  await rejects(deliver('{}', { form: 'framed' }), { code: 'ECONNREFUSED' });
  await old.close();
  deepEqual(old.judged, [{ text: '{"c":1}', form: 'raw' }]);
  const strict = await receiving(context, { forms: ['framed'] });
  await rejects(deliver('{}', { form: 'raw' }), { code: 'ECONNREFUSED' });
  equal((await deliver('{"d":1}')).form, 'framed');
  equal(strict.judged.length, 1);
});

test('finds the framed port that opened between its two dials, and leaves nothing on the raw one', async (context) => {
  let scene: Scene | undefined;
  const racing: Transport = {
    ...host,
    async connect(target, options) {
      if (target.port === RAW_CONFIG_PORT) scene = await receiving(context);
      return host.connect(target, options);
    },
  };
  deepEqual(await deliver('{"a":1}', { transport: racing }), { form: 'framed', port: 7778, reply: taken });
  await scene!.close();
  deepEqual(scene!.judged, [{ text: '{"a":1}', form: 'framed' }]);
  deepEqual(scene!.faults, []);
});

test('an old receiver on 7777 gets the bytes once and whole', async () => {
  const listening = Promise.withResolvers<void>();
  const received = receiveConfig({ transport: enclave, port: RAW_CONFIG_PORT, onListening: listening.resolve });
  await listening.promise;
  equal((await deliver('{"old":true}')).form, 'raw');
  equal(Buffer.from(await received).toString(), '{"old":true}');
});

test('waits for ports that refuse, says so once, and gives up with ETIMEDOUT', async (context) => {
  let waits = 0;
  const opened = Promise.withResolvers<Scene>();
  const sent = deliver('{"late":1}', {
    retry: true,
    timeoutMs: 10_000,
    onWaiting() {
      waits += 1;
      opened.resolve(receiving(context));
    },
  });
  const scene = await opened.promise;
  equal((await sent).form, 'framed');
  await scene.close();
  equal(waits, 1);
  await rejects(deliver('{}'), { code: 'ECONNREFUSED' });
  await rejects(deliver('{}', { retry: true, timeoutMs: 60 }), { code: 'ETIMEDOUT' });
  await rejects(deliver(new Uint8Array(1_048_577)), { code: 'DELIVERY_TOO_LARGE' });
});

test('refuses another header, a length over the bound before its bytes, and bytes after the end', async (context) => {
  const scene = await receiving(context, { maxBytes: 100 });
  // Longer than what a transport reads for its own first line, at whose end the bytes of one write come apart.
  const good = encodeFramedConfig(Buffer.alloc(100, ' '));
  const announced = encodeFramedConfig(new Uint8Array(101)).subarray(0, 12);
  const said = async (...parts: Uint8Array[]): Promise<string> => {
    const reply = await replyTo(...parts);
    ok(reply !== undefined && !reply.ok);
    return reply.faults[0]!.message;
  };
  match(
    await said(Buffer.from('{"schemaVersion":"v0.1"}')),
    /from cid 3 on port 7778 must begin with CSNCFG1 and a newline/,
  );
  match(await said(Buffer.from('CSNCFG2\n')), /must begin with CSNCFG1/);
  match(await said(announced), /has more than 100 bytes/);
  match(
    await said(Buffer.concat([good, Buffer.from('x'.repeat(5))])),
    /must end after the 100 bytes announced, got 5 more/,
  );
  deepEqual(scene.judged, []);
  deepEqual(scene.faults.map(({ code }) => code).slice(0, 3), [
    'DELIVERY_FRAME',
    'DELIVERY_FRAME',
    'DELIVERY_TOO_LARGE',
  ]);
});

test('a framed config that ends or breaks off early is no config, wherever it is cut', async (context) => {
  const scene = await receiving(context);
  const frame = encodeFramedConfig(Buffer.from('{"whole":true}'));
  for (let cut = 1; cut < frame.length; cut += 3) {
    const socket = await host.connect({ cid, port: FRAMED_CONFIG_PORT });
    socket.on('error', () => {}).resume();
    if (cut % 2 === 0) socket.write(frame.subarray(0, cut), () => socket.destroy());
    else socket.end(frame.subarray(0, cut));
    await once(socket, 'close');
  }
  equal((await deliver('{"next":1}')).form, 'framed');
  deepEqual(scene.judged, [{ text: '{"next":1}', form: 'framed' }]);
});

test('takes a frame that comes byte by byte', async (context) => {
  const scene = await receiving(context);
  const bytes = encodeFramedConfig(Buffer.from('{"slow":1}'));
  deepEqual(await replyTo(...Array.from(bytes, (byte) => Uint8Array.of(byte))), taken);
  equal(scene.judged[0]?.text, '{"slow":1}');
});

test('hears eight senders at a time and no ninth, and a stalled one for its time only', async (context) => {
  const scene = await receiving(context, { senderTimeoutMs: 150 });
  const stalled: Socket[] = [];
  for (let count = 0; count < 8; count += 1) {
    const socket = await host.connect({ cid, port: count % 2 === 0 ? FRAMED_CONFIG_PORT : RAW_CONFIG_PORT });
    socket
      .on('error', () => {})
      .resume()
      .write('C');
    stalled.push(socket);
  }
  // Places come in the order of accepts: a ninth that was heard before the eight would stand first in `judged`.
  await rejects(deliver('{"ninth":1}', { form: 'framed' }), { code: 'DELIVERY_UNANSWERED' });
  const startedAtMs = performance.now();
  deepEqual(await deliver('{"good":1}', { form: 'framed', retry: true, timeoutMs: 5_000 }), {
    form: 'framed',
    port: 7778,
    reply: taken,
  });
  ok(performance.now() - startedAtMs < laneBoundMs(2_000));
  deepEqual(
    scene.judged.map(({ text }) => text),
    ['{"good":1}'],
  );
  for (const socket of stalled) socket.destroy();
});

test('asks the judge for one config after the other, and tells everybody else that another was taken', async (context) => {
  const first = Promise.withResolvers<ConfigReply>();
  const asked = Promise.withResolvers<void>();
  const four = Promise.withResolvers<void>();
  let running = 0;
  let accepted = 0;
  const counting: Transport = {
    ...enclave,
    listen: (local, listenOptions, onConnection) =>
      enclave.listen(local, listenOptions, (socket, peer) => {
        onConnection(socket, peer);
        accepted += 1;
        if (accepted === 4) four.resolve();
      }),
  };
  const scene = await receiving(context, {
    transport: counting,
    async judge() {
      running += 1;
      equal(running, 1, 'one at a time');
      asked.resolve();
      const reply = await first.promise;
      running -= 1;
      return reply;
    },
  });
  const winner = deliver('{"n":1}');
  await asked.promise;
  const others = [deliver('{"n":2}'), deliver('{"n":3}')];
  const half = await host.connect({ cid, port: FRAMED_CONFIG_PORT });
  const halfAnswer = half.toArray().finally(() => half.destroy());
  half.on('error', () => {}).write('CSNC');
  await four.promise;
  const closed = scene.close(refused);
  first.resolve(taken);
  deepEqual(await winner, { form: 'framed', port: 7778, reply: taken });
  for (const other of others) deepEqual(await other, { form: 'framed', port: 7778, reply: refused });
  deepEqual(parseConfigReply(Buffer.concat((await halfAnswer) as Buffer[]).subarray(4)), refused);
  await closed;
  await rejects(deliver('{}'), { code: 'ECONNREFUSED' });
  deepEqual(readdirSync(join(directory, '16')), []);
});

test('closes without a reply when the judge fails, and goes on', async (context) => {
  let calls = 0;
  await receiving(context, {
    async judge() {
      calls += 1;
      if (calls === 1) throw new Error('device lost');
      return taken;
    },
  });
  await rejects(deliver('{}'), { code: 'DELIVERY_UNANSWERED' });
  equal((await deliver('{}')).form, 'framed');
});

test('hears the parent only', async (context) => {
  const scene = await receiving(context);
  const stranger = createFabricTransport({ directory, localCid: toCid(17) });
  await rejects(deliver('{}', { transport: stranger, form: 'framed', timeoutMs: 300 }));
  deepEqual(scene.judged, []);
});

test('refuses to open one port without the other', async (context) => {
  const blocker = await enclave.listen({ cid, port: RAW_CONFIG_PORT }, {}, () => {});
  context.after(() => blocker.close());
  await rejects(openConfigReceiver({ transport: enclave, forms: ['framed', 'raw'], judge: async () => taken }), {
    code: 'EADDRINUSE',
  });
  await rejects(host.connect({ cid, port: FRAMED_CONFIG_PORT }), { code: 'ECONNREFUSED' });
});

test('a sender refuses a reply that is none, one that is too long, silence and a late end', async (context) => {
  let answer: Uint8Array | undefined;
  const listener = await enclave.listen({ cid, port: FRAMED_CONFIG_PORT }, {}, (socket) => {
    socket.on('error', () => {}).resume();
    if (answer !== undefined) socket.write(answer);
  });
  context.after(() => listener.close());
  for (const text of [
    '',
    '[]',
    '{"ok":true}',
    '{"ok":true,"sha384":"AB"}',
    '{"ok":false,"faults":[{"path":1,"message":""}]}',
    '{"ok":false,"faults":{}}',
  ]) {
    answer = encodeFrame(Buffer.from(text));
    await rejects(deliver('{}'), { code: 'DELIVERY_REPLY' }, text);
  }
  answer = Uint8Array.of(0xff, 0xff, 0xff, 0xff);
  await rejects(deliver('{}'), { code: 'DELIVERY_REPLY' });
  answer = undefined;
  await rejects(deliver('{}', { transferTimeoutMs: 50 }), { code: 'DELIVERY_LATE' });
  const stop = new AbortController();
  const aborted = deliver('{}', { signal: stop.signal });
  setImmediate(() => stop.abort(new Error('stop')));
  await rejects(aborted, { message: 'stop' });
});

test('a reply always fits its bound, and is read back as it was meant', () => {
  const faults = Array.from({ length: 200 }, () => ({ path: '\u0001'.repeat(500), message: '\ud800"'.repeat(500) }));
  const bytes = encodeConfigReply({ ok: false, faults });
  ok(bytes.length <= 65_536);
  ok(!parseConfigReply(bytes).ok);
  deepEqual(parseConfigReply(encodeConfigReply(taken)), taken);
  fc.assert(
    fc.property(fc.jsonValue(), fc.uint8Array({ maxLength: 40 }), (value, noise) => {
      for (const text of [Buffer.from(JSON.stringify(value)), noise]) {
        throws(
          () => parseConfigReply(text),
          (error) => error instanceof CaissonError && error.code === 'DELIVERY_REPLY',
        );
      }
    }),
    { seed: 41, numRuns: 500 },
  );
});

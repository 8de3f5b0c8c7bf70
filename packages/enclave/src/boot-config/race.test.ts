// T-C2 and R-C1: many senders at once, and senders at every wrong moment. One effect or none, and an end in time either way. Times are those of
// the test plan divided by thirty, so that a round ends in a moment; the deep lane runs one round of T-C2 at full length.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { toCid } from '@caisson/core/address';
import { toHex, toUtf8 } from '@caisson/core/bytes';
import type { SignedConfigContent } from '@caisson/core/config';
import { createNsmClient, type NsmClient } from '@caisson/core/nitro';
import { createSimulatedAuthority, createSimulatedNsm } from '@caisson/host/simulator';
import { deliverConfig, encodeFramedConfig, FRAMED_CONFIG_PORT, RAW_CONFIG_PORT } from '@caisson/link/config';
import { createFabricTransport, type Transport } from '@caisson/link/transport';
import { measuredImage, type TestSigner, testSigner } from '@caisson/testkit/boot';
import { currentLane, laneBoundMs, laneFigure } from '@caisson/testkit/contract';
import { type AcceptedConfig, BootRefusal, takeBootConfig } from './index.ts';

const now = 1_800_000_000;
const pcr0 = 'a5'.repeat(48);
const cid = toCid(16);
// Of 10 s for a sender, and room for a machine that is busy with other tests.
const senderTimeoutMs = 333;
const slackMs = laneBoundMs(2_500);

let [ada, bob] = [undefined as unknown as TestSigner, undefined as unknown as TestSigner];
let authority: Awaited<ReturnType<typeof createSimulatedAuthority>>;
before(async () => {
  authority = await createSimulatedAuthority();
  [ada, bob] = await Promise.all([testSigner(0), testSigner(1)]);
});

interface Place {
  readonly folder: string;
  readonly nsm: NsmClient;
  readonly host: Transport;
  readonly enclave: Transport;
  remove(): void;
}

function arrange(): Place {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  return {
    folder: join(directory, 'run'),
    nsm: createNsmClient(createSimulatedNsm({ authority, pcrs: { 0: pcr0 }, now: () => now * 1_000 })),
    host: createFabricTransport({ directory, localCid: toCid(3) }),
    enclave: createFabricTransport({ directory, localCid: cid }),
    remove: () => rmSync(directory, { recursive: true }),
  };
}

const content = (changes: Partial<SignedConfigContent> = {}): SignedConfigContent => ({
  version: 1,
  notAfter: now + 60,
  target: { kind: 'pcr0', values: [Buffer.from(pcr0, 'hex')] },
  config: toUtf8('{"the":"one"}'),
  operators: null,
  ...changes,
});
const sha384 = (bytes: Uint8Array): Buffer => createHash('sha384').update(bytes).digest();
const pcr16Of = (received: Uint8Array): string =>
  sha384(Buffer.concat([new Uint8Array(48), sha384(received)])).toString('hex');

/** A bad sender: writes what it has, then holds the line as long as it is let. */
async function misbehave(
  host: Transport,
  bytes: Uint8Array,
  port: typeof RAW_CONFIG_PORT,
  end: boolean,
): Promise<void> {
  let socket: Socket;
  try {
    socket = await host.connect({ cid, port });
  } catch {
    return;
  }
  await new Promise<void>((resolve) => {
    socket.on('error', () => {}).on('close', () => resolve());
    socket.on('end', () => socket.destroy()).resume();
    if (end) socket.end(bytes);
    else socket.write(bytes);
  });
}

async function crowd(timeoutMs: number): Promise<void> {
  const { folder, nsm, host, enclave, remove } = arrange();
  const keys = { unsigned: 'refuse' as const, requireSignature: true, keys: [ada.spkiBase64] };
  const image = measuredImage({ config: keys });
  const listening = Promise.withResolvers<void>();
  const taking = takeBootConfig({
    image,
    nsm,
    transport: enclave,
    folder,
    senderTimeoutMs: timeoutMs,
    onListening: listening.resolve,
  });
  await listening.promise;
  const valid = await ada.sign(content());
  const forged = encodeFramedConfig(await bob.sign(content({ config: toUtf8('{"the":"other"}') })));
  const bad = [
    forged,
    encodeFramedConfig(toUtf8('{}')),
    forged.subarray(0, 40),
    toUtf8('CSNCFG1\n'),
    toUtf8('GET / HTTP/1.1\r\n'),
    new Uint8Array(1),
  ];
  const startedAtMs = performance.now();
  const crowded = Array.from({ length: 63 }, async (_, index) => {
    await pause(Math.random() * 20);
    await misbehave(host, bad[index % bad.length]!, FRAMED_CONFIG_PORT, index % 5 === 0);
  });
  await pause(Math.random() * 20);
  const delivered = await deliverConfig({
    transport: host,
    cid,
    bytes: valid,
    timeoutMs: timeoutMs * 1.2 + slackMs,
    retry: true,
  });
  const tookMs = performance.now() - startedAtMs;
  ok(tookMs <= timeoutMs * 1.2 + slackMs, `the valid one won after ${tookMs} ms`);
  ok(delivered.form === 'framed' && delivered.reply.ok);
  const accepted = await taking;
  equal(Buffer.from(accepted.config!).toString(), '{"the":"one"}');
  equal(toHex((await nsm.describePcr(16)).data), pcr16Of(valid));
  await Promise.all(crowded);
  remove();
}

test('T-C2 the one valid config of 64 wins in time, in random order and among stalls, and nothing else has an effect', {
  timeout: 3_600_000,
}, async () => {
  for (let round = laneFigure('T-C2'); round > 0; round -= 1) await crowd(senderTimeoutMs);
  if (currentLane() !== 'fast') await crowd(10_000);
});

type Sender = (place: Place) => Promise<void>;
const timeoutMs = 200;
const send =
  (text: string, form: 'raw' | 'framed' | undefined): Sender =>
  async ({ host }) => {
    await deliverConfig({
      transport: host,
      cid,
      bytes: toUtf8(text),
      timeoutMs: timeoutMs + 100,
      retry: true,
      ...(form === undefined ? {} : { form }),
    }).catch(() => {});
  };
const after =
  (ms: number, sender: Sender): Sender =>
  async (place) => {
    await pause(ms);
    await sender(place);
  };
const die =
  (at: number, form: 'raw' | 'framed'): Sender =>
  async ({ host }) => {
    const whole = form === 'framed' ? encodeFramedConfig(toUtf8('{"half":1}')) : toUtf8('{"half":1}');
    for (let attempt = 0; attempt < 20; attempt += 1) {
      try {
        const socket = await host.connect({ cid, port: form === 'framed' ? FRAMED_CONFIG_PORT : RAW_CONFIG_PORT });
        await new Promise<void>((resolve) => {
          socket.on('error', () => {}).on('close', () => resolve());
          socket.write(whole.subarray(0, 1 + (at % (whole.length - 1))), () => socket.destroy());
        });
        return;
      } catch {
        await pause(5);
      }
    }
  };
const form = (index: number): 'raw' | 'framed' => (index % 2 === 0 ? 'raw' : 'framed');

/** By the words of the test plan; `listenAfterMs` delays the enclave. */
const scenarios: readonly ((index: number) => {
  readonly senders: readonly Sender[];
  readonly listenAfterMs: number;
})[] = [
  (index) => ({ senders: [send('{"early":1}', form(index))], listenAfterMs: index % 30 }),
  (index) => ({ senders: [after(index % 40, send('{"later":1}', undefined))], listenAfterMs: 0 }),
  (index) => ({
    senders: [send('{"twice":1}', form(index)), send('{"twice":2}', form(index + 1))],
    listenAfterMs: index % 10,
  }),
  (index) => ({ senders: [die(index, form(index))], listenAfterMs: 0 }),
  (index) => ({
    senders: [die(index, form(index)), after(10, send('{"after":"death"}', undefined))],
    listenAfterMs: 0,
  }),
  (index) => ({ senders: [after(timeoutMs - 5 + (index % 10), send('{"late":1}', form(index)))], listenAfterMs: 0 }),
  () => ({ senders: [send('[]', undefined)], listenAfterMs: 0 }),
];

async function race(index: number): Promise<void> {
  const { senders, listenAfterMs } = scenarios[index % scenarios.length]!(index);
  const place = arrange();
  const { folder, nsm, enclave } = place;
  const sent = senders.map((sender) => sender(place));
  await pause(listenAfterMs);
  const startedAtMs = performance.now();
  const image = measuredImage({ config: { timeoutMs } });
  const ended = await takeBootConfig({ image, nsm, transport: enclave, folder, senderTimeoutMs: 33 }).catch(
    (error: unknown) => error,
  );
  const tookMs = performance.now() - startedAtMs;
  await Promise.all(sent);
  ok(tookMs <= (timeoutMs * 70) / 60 + slackMs, `scenario ${index % scenarios.length} ended after ${tookMs} ms`);
  const { lock, data } = await nsm.describePcr(16);
  if (ended instanceof BootRefusal) {
    equal(ended.code, 'BOOT_CONFIG_TIMEOUT');
    deepEqual([lock, toHex(data)], [false, '00'.repeat(48)]);
    deepEqual(existsSync(folder) ? readdirSync(folder) : [], []);
  } else {
    const { received, config } = ended as AcceptedConfig;
    ok(lock && toHex(data) === pcr16Of(received!), `scenario ${index % scenarios.length}: ${String(ended)}`);
    ok(
      /^\{"(early|later|twice|after|late)":[^}]+\}$/.test(Buffer.from(config!).toString()),
      'a whole config that somebody sent',
    );
    deepEqual(readFileSync(join(folder, 'config.json')), Buffer.from(config!));
    deepEqual(readdirSync(folder).sort(), ['config', 'config.json']);
  }
  place.remove();
}

test('R-C1 senders too early, late, twice or dying leave a boot that is ready or refused with its reason in time, never half', {
  timeout: 3_600_000,
}, async () => {
  const rounds = laneFigure('R-C1');
  for (let first = 0; first < rounds; first += 10) {
    await Promise.all(Array.from({ length: Math.min(10, rounds - first) }, (_, index) => race(first + index)));
  }
});

// Phase `config` as a whole: a simulated NSM, a fabric, a folder in place of /run/caisson.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { toCid } from '@caisson/core/address';
import { toHex, toUtf8 } from '@caisson/core/bytes';
import { compileSchema, type SignedConfigContent } from '@caisson/core/config';
import { createNsmClient, type NsmClient } from '@caisson/core/nitro';
import { createSimulatedAuthority, createSimulatedNsm } from '@caisson/host/simulator';
import { type ConfigReply, deliverConfig } from '@caisson/link/config';
import { createFabricTransport, type Transport } from '@caisson/link/transport';
import { measuredImage, type TestSigner, testSigner } from '@caisson/testkit/boot';
import { findNetworkFaults } from '../network/index.ts';
import { type BootConfigOptions, BootRefusal, takeBootConfig } from './index.ts';

const pcr0 = 'a5'.repeat(48);
const nowMs = 1_800_000_000_000;
let authority: Awaited<ReturnType<typeof createSimulatedAuthority>>;
let [ada, bob] = [undefined as unknown as TestSigner, undefined as unknown as TestSigner];

before(async () => {
  authority = await createSimulatedAuthority();
  [ada, bob] = await Promise.all([testSigner(0), testSigner(1)]);
});

interface Scene {
  readonly nsm: NsmClient;
  readonly folder: string;
  readonly host: Transport;
  readonly options: Omit<BootConfigOptions, 'image'>;
  readonly refusals: string[];
  send(bytes: Uint8Array | string, form?: 'raw' | 'framed', timeoutMs?: number): Promise<ConfigReply | undefined>;
  /** Sends to a boot that ends before it can answer, and must end as `expected` says. */
  sendUnheard(text: string, taking: Promise<unknown>, expected: Parameters<typeof rejects>[1]): Promise<void>;
  pcr16(): Promise<{ readonly lock: boolean; readonly data: string }>;
}

function arrange(context: TestContext): Scene {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const nsm = createNsmClient(createSimulatedNsm({ authority, pcrs: { 0: pcr0 }, now: () => nowMs }));
  const host = createFabricTransport({ directory, localCid: toCid(3) });
  const folder = join(directory, 'run');
  const refusals: string[] = [];
  const sending = { transport: host, cid: toCid(16), retry: true };
  return {
    nsm,
    folder,
    host,
    refusals,
    options: {
      nsm,
      transport: createFabricTransport({ directory, localCid: toCid(16) }),
      folder,
      senderTimeoutMs: 500,
      onRefused: (reason, faults) => refusals.push(`${reason}: ${faults[0]?.message}`),
    },
    async send(bytes, form, timeoutMs = 5_000) {
      const delivered = await deliverConfig({
        ...sending,
        bytes: typeof bytes === 'string' ? toUtf8(bytes) : bytes,
        timeoutMs,
        ...(form === undefined ? {} : { form }),
      });
      return delivered.form === 'framed' ? delivered.reply : undefined;
    },
    async sendUnheard(text, taking, expected) {
      const ended = new AbortController();
      const sent = deliverConfig({
        ...sending,
        bytes: toUtf8(text),
        timeoutMs: 5_000,
        form: 'framed',
        signal: ended.signal,
      });
      const unheard = rejects(sent, 'nobody hears that it holds');
      await rejects(taking, expected);
      ended.abort();
      await unheard;
    },
    async pcr16() {
      const { lock, data } = await nsm.describePcr(16);
      return { lock, data: toHex(data) };
    },
  };
}

const sha384 = (...parts: Uint8Array[]): string => createHash('sha384').update(Buffer.concat(parts)).digest('hex');
const pcr16For = (received: Uint8Array): string => sha384(new Uint8Array(48), Buffer.from(sha384(received), 'hex'));
const signed = (changes: Partial<SignedConfigContent> = {}): SignedConfigContent => ({
  version: 5,
  notAfter: nowMs / 1_000 + 1,
  target: { kind: 'pcr0', values: [Buffer.from(pcr0, 'hex')] },
  config: toUtf8('{"mode":"signed"}'),
  operators: null,
  ...changes,
});

test('takes an unsigned config framed, fixes it in PCR16 before the sender hears of it, and gives the application its bytes', async (context) => {
  const { options, send, pcr16, folder } = arrange(context);
  const image = measuredImage({ config: { environment: ['APP_MODE'] } });
  const text = ' {"schemaVersion":"v0.1", "anything":{"__proto__":1},"caisson":{"environment":{"APP_MODE":"x"}}}\n';
  const taking = takeBootConfig({ ...options, image });
  const reply = await send(text);
  deepEqual(reply, { ok: true, sha384: sha384(toUtf8(text)) });
  deepEqual(await pcr16(), { lock: true, data: pcr16For(toUtf8(text)) });
  const accepted = await taking;
  equal(Buffer.from(accepted.config!).toString(), text);
  deepEqual(
    { ...accepted, received: null, config: null },
    {
      received: null,
      sha384: sha384(toUtf8(text)),
      config: null,
      signed: null,
      environment: { APP_MODE: 'x' },
      adopted: false,
    },
  );
  equal(readFileSync(join(folder, 'config.json'), 'utf8'), text);
  deepEqual(
    [statSync(join(folder, 'config')).mode & 0o777, statSync(join(folder, 'config.json')).mode & 0o777],
    [0o600, 0o444],
  );
  deepEqual(readdirSync(folder).sort(), ['config', 'config.json']);
});

test('takes a raw config, and only one complete JSON object of it', async (context) => {
  const { options, send, refusals } = arrange(context);
  const taking = takeBootConfig({ ...options, image: measuredImage({ config: { keys: [ada.spkiBase64] } }) });
  for (const bad of ['{"a":1', '[1]', '{"a":1}{', '"text"', '{"a":1,"a":2}']) await send(bad, 'raw');
  // Without an end mark of its own a signed one could be cut and nobody would know.
  await send(await ada.sign(signed()), 'raw');
  await send('{"a":1}', 'raw');
  equal(Buffer.from((await taking).config!).toString(), '{"a":1}');
  equal(refusals.length, 6);
  ok(refusals.every((line) => line.startsWith('config-refused: ')));
});

test('takes a signed config by PCR0 and by label, and keeps its signer, version and operators', async (context) => {
  for (const target of [signed().target, { kind: 'label', label: 'hello/eu' } as const]) {
    const { options, send, pcr16 } = arrange(context);
    const operators = await bob.sign(signed());
    const bytes = await ada.sign(signed({ target, operators }));
    const image = measuredImage({
      config: {
        unsigned: 'refuse',
        requireSignature: true,
        keys: [bob.spkiBase64, ada.spkiBase64],
        label: 'hello/eu',
        minimumVersion: 5,
      },
    });
    const taking = takeBootConfig({ ...options, image });
    deepEqual(await send(bytes), { ok: true, sha384: sha384(bytes) });
    const accepted = await taking;
    deepEqual(accepted.signed, { keySha256: ada.spkiSha256, version: 5, notAfter: nowMs / 1_000 + 1, operators });
    equal(Buffer.from(accepted.config!).toString(), '{"mode":"signed"}');
    deepEqual(await pcr16(), { lock: true, data: pcr16For(bytes) });
  }
});

test('refuses by signature, version, target and time, says why to the sender, and goes on waiting', async (context) => {
  const { options, send, refusals } = arrange(context);
  const image = measuredImage({
    config: {
      unsigned: 'refuse',
      requireSignature: true,
      keys: [ada.spkiBase64],
      minimumVersion: 5,
      label: 'hello/eu',
    },
  });
  const taking = takeBootConfig({ ...options, image });
  const other = Buffer.alloc(48, 1);
  const bad: readonly (readonly [string, Uint8Array])[] = [
    ['config-signature', toUtf8('{"mode":"unsigned"}')],
    ['config-signature', await bob.sign(signed())],
    ['config-version', await ada.sign(signed({ version: 4 }))],
    ['config-target', await ada.sign(signed({ target: { kind: 'pcr0', values: [other] } }))],
    ['config-target', await ada.sign(signed({ target: { kind: 'label', label: 'hello/us' } }))],
    ['config-expired', await ada.sign(signed({ notAfter: nowMs / 1_000 }))],
    ['config-refused', await ada.sign(signed({ config: toUtf8('[]') }))],
    ['config-refused', (await ada.sign(signed())).slice(0, -1)],
  ];
  for (const [reason, bytes] of bad) {
    const reply = await send(bytes);
    ok(reply !== undefined && !reply.ok);
    match(refusals.at(-1)!, new RegExp(`^${reason}: `));
    equal(refusals.at(-1), `${reason}: ${reply.faults[0]?.message}`);
  }
  await rejects(send('{}', 'raw', 50), { code: 'ETIMEDOUT' }, '7777 is closed where a signature is required');
  ok((await send(await ada.sign(signed())))?.ok);
  equal((await taking).signed?.version, 5);
});

test('a label counts only where the image measures it', async (context) => {
  const { options, send, refusals } = arrange(context);
  const image = measuredImage({ config: { unsigned: 'refuse', keys: [ada.spkiBase64], label: null, timeoutMs: 400 } });
  const taking = takeBootConfig({ ...options, image });
  const reply = await send(await ada.sign(signed({ target: { kind: 'label', label: 'null' } })));
  ok(reply?.ok === false);
  equal((await send('{}'))?.ok, false, 'refusing unsigned ones is enough to need a signature');
  await send(await ada.sign(signed({ target: { kind: 'label', label: 'hello' } })));
  await rejects(taking, { code: 'BOOT_CONFIG_TIMEOUT', reason: 'config-target' });
  deepEqual(
    refusals.map((line) => line.split(':')[0]),
    ['config-target', 'config-signature', 'config-target'],
  );
});

test('holds endpoints, variables and shape to the image, and lists every fault', async (context) => {
  const { options, send, refusals } = arrange(context);
  const image = measuredImage({
    config: {
      endpoints: [{ host: 'API.example.com', port: 443 }],
      environment: ['APP_MODE', 'LD_PRELOAD'],
      schema: compileSchema({ type: 'object', required: ['mode'], properties: { mode: { enum: ['a', 'b'] } } }),
    },
  });
  const taking = takeBootConfig({ ...options, image });
  const faultsOf = async (config: unknown): Promise<readonly string[]> => {
    const reply = await send(JSON.stringify(config));
    return reply?.ok === false ? reply.faults.map(({ message }) => message) : [];
  };
  const endpoint = { host: 'api.example.com', vsockPort: 8001 };
  deepEqual(
    await faultsOf({
      mode: 'c',
      endpoints: [
        { ...endpoint, tcpPort: 80 },
        { host: 'evil.example.com', vsockPort: 8002 },
      ],
    }),
    [
      'endpoints[0] must be one of the 1 destinations of the image, got api.example.com:80',
      'endpoints[1] must be one of the 1 destinations of the image, got evil.example.com:443',
      'mode must be one of "a", "b", got "c"',
    ],
  );
  deepEqual(
    await faultsOf({ mode: 'a', caisson: { environment: { APP_MODE: 1, LD_PRELOAD: 'x', OTHER: 'y' }, debug: true } }),
    [
      'caisson.debug is no key that a config may set; environment is',
      'caisson.environment.APP_MODE must be text of at most 4096 characters without NUL, got 1',
      'caisson.environment.LD_PRELOAD is a variable of a loader, runtime or shell, which no config may set',
      'caisson.environment.OTHER is none of the 2 variables that the image allows',
    ],
  );
  deepEqual(await faultsOf({ mode: 'a', endpoints: 'none' }), [
    'endpoints must be an array of at most 191, got "none"',
  ]);
  deepEqual(await faultsOf({}), ['mode must be there, got nothing']);
  deepEqual(
    refusals.map((line) => line.split(':')[0]),
    ['config-endpoint', 'config-refused', 'config-endpoint', 'config-schema'],
  );
  deepEqual(await faultsOf({ mode: 'a', endpoints: [endpoint] }), []);
  await taking;
});

test('an image without network and list leaves endpoints to the application', async (context) => {
  const { options, send } = arrange(context);
  const taking = takeBootConfig({ ...options, image: measuredImage() });
  ok((await send('{"endpoints":"mine"}'))?.ok);
  await taking;
  const network = arrange(context);
  const judged = takeBootConfig({ ...network.options, image: measuredImage({ components: ['network'] }) });
  equal((await network.send('{"endpoints":"mine"}'))?.ok, false);
  ok((await network.send('{}'))?.ok);
  await judged;
});

test('a config that the network service could not run by is refused before PCR16 is locked on it', async (context) => {
  const { options, send, refusals } = arrange(context);
  const image = measuredImage({ components: ['network'], ingress: [{ vsockPort: 3000, targetPort: 8080 }] });
  const findFaults = (config: Uint8Array) => findNetworkFaults(config, image, toCid(16));
  const taking = takeBootConfig({ ...options, image, findFaults });
  const taken = await send('{"httpVsockPort":3000,"httpTcpPort":9090}');
  equal(taken?.ok, false, 'the image has that port already');
  equal((await send('{"httpVsockPort":0,"httpTcpPort":9090}'))?.ok, false);
  deepEqual(
    refusals.map((line) => line.split(':')[0]),
    ['config-endpoint', 'config-endpoint'],
  );
  ok((await send('{"httpVsockPort":3001,"httpTcpPort":9090}'))?.ok);
  await taking;
  deepEqual(findNetworkFaults(toUtf8('{"endpoints":"mine"}'), measuredImage(), toCid(16)), []);
});

test('without a config PCR16 holds the hash of caisson/no-config/1: at once where none is expected, after the wait where one is optional', async (context) => {
  for (const config of [{ expect: 'none' as const }, { expect: 'optional' as const, timeoutMs: 30 }]) {
    const { options, pcr16, folder } = arrange(context);
    const accepted = await takeBootConfig({ ...options, image: measuredImage({ config }) });
    const none = toUtf8('caisson/no-config/1');
    deepEqual(accepted, {
      received: null,
      sha384: sha384(none),
      config: null,
      signed: null,
      environment: {},
      adopted: false,
    });
    deepEqual(await pcr16(), { lock: true, data: pcr16For(none) });
    ok(!existsSync(join(folder, 'config.json')));
  }
});

test('where a config is required the boot ends when the time is up, with the last reason, and PCR16 stays free', async (context) => {
  const { options, send, pcr16 } = arrange(context);
  const image = measuredImage({ config: { timeoutMs: 40 } });
  await rejects(takeBootConfig({ ...options, image }), {
    code: 'BOOT_CONFIG_TIMEOUT',
    reason: 'config-timeout',
    message: 'boot config must come within 40 ms, nobody sent one',
  });
  const taking = takeBootConfig({ ...options, image: measuredImage({ config: { timeoutMs: 400 } }) });
  taking.catch(() => {});
  await send('[]');
  await rejects(taking, { code: 'BOOT_CONFIG_TIMEOUT', reason: 'config-refused' });
  deepEqual(await pcr16(), { lock: false, data: '00'.repeat(48) });
});

test('a config that is still being judged when the time is up is too late, and leaves nothing', async (context) => {
  const { nsm, folder, options, send, pcr16 } = arrange(context);
  const [asked, fixed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const slow: NsmClient = {
    ...nsm,
    async attestation(fields) {
      asked.resolve();
      await fixed.promise;
      return await nsm.attestation(fields);
    },
    async lockPcr(index) {
      await nsm.lockPcr(index);
      fixed.resolve();
    },
  };
  const image = measuredImage({
    config: { expect: 'optional', timeoutMs: 300, unsigned: 'refuse', keys: [ada.spkiBase64] },
  });
  const taking = takeBootConfig({ ...options, nsm: slow, image });
  const reply = send(await ada.sign(signed()));
  await asked.promise;
  equal((await taking).config, null);
  equal((await reply)?.ok, false);
  deepEqual(await pcr16(), { lock: true, data: pcr16For(toUtf8('caisson/no-config/1')) });
  deepEqual(existsSync(folder) ? readdirSync(folder) : [], []);
});

test('a supervisor that finds PCR16 locked never listens: it adopts the kept bytes, expired or not', async (context) => {
  const scene = arrange(context);
  const keys = { unsigned: 'refuse' as const, keys: [ada.spkiBase64] };
  const image = measuredImage({ config: keys });
  const taking = takeBootConfig({ ...scene.options, image });
  await scene.send(await ada.sign(signed({ config: toUtf8('{"once":1}') })));
  const first = await taking;
  let listened = false;
  const deaf: Transport = {
    ...scene.options.transport,
    async listen() {
      listened = true;
      throw new Error('listened');
    },
  };
  const second = await takeBootConfig({
    ...scene.options,
    transport: deaf,
    image: measuredImage({ config: { ...keys, minimumVersion: 99 } }),
  });
  deepEqual({ ...second, received: null, config: null }, { ...first, received: null, config: null, adopted: true });
  deepEqual(
    [Buffer.from(second.received!), Buffer.from(second.config!)],
    [Buffer.from(first.received!), Buffer.from(first.config!)],
  );
  equal(listened, false);
});

test('a supervisor that finds PCR16 locked ends the boot when the kept bytes are others, gone, too many or of a wrong kind', async (context) => {
  const scene = arrange(context);
  const taking = takeBootConfig({ ...scene.options, image: measuredImage() });
  await scene.send('{"a":1}');
  await taking;
  const again = (): Promise<unknown> => takeBootConfig({ ...scene.options, image: measuredImage() });
  const path = join(scene.folder, 'config');
  writeFileSync(path, '{"a":2}');
  await rejects(again(), { code: 'BOOT_CONFIG_PCR16', reason: 'pcr16-locked' });
  writeFileSync(path, new Uint8Array(1_048_577));
  await rejects(again(), { code: 'BOOT_CONFIG_KEPT', reason: 'pcr16-locked' });
  rmSync(path);
  await rejects(again(), { code: 'BOOT_CONFIG_PCR16' }, 'no config is another claim than this one');
  writeFileSync(path, '{"a":1}');
  chmodSync(path, 0o600);
  await again();
});

test('a supervisor that died between extending and locking is finished by the next, and by none with other bytes', async (context) => {
  for (const tampered of [false, true]) {
    const { nsm, folder, options, sendUnheard, pcr16 } = arrange(context);
    const dying: NsmClient = { ...nsm, lockPcr: () => Promise.reject(new Error('killed')) };
    const taking = takeBootConfig({ ...options, nsm: dying, image: measuredImage() });
    await sendUnheard('{"a":1}', taking, { code: 'BOOT_NSM', reason: 'nsm' });
    equal((await pcr16()).lock, false);
    if (tampered) writeFileSync(join(folder, 'config'), '{"a":2}');
    const next = takeBootConfig({ ...options, image: measuredImage() });
    if (tampered) await rejects(next, { code: 'BOOT_CONFIG_PCR16' });
    else equal(Buffer.from((await next).config!).toString(), '{"a":1}');
    equal((await pcr16()).lock, !tampered);
  }
});

test('what a predecessor kept and never fixed is forgotten', async (context) => {
  const { nsm, folder, options, sendUnheard } = arrange(context);
  const dying: NsmClient = { ...nsm, extendPcr: () => Promise.reject(new Error('killed')) };
  const taking = takeBootConfig({ ...options, nsm: dying, image: measuredImage() });
  await sendUnheard('{"a":1}', taking, { code: 'BOOT_NSM' });
  const accepted = await takeBootConfig({ ...options, image: measuredImage({ config: { expect: 'none' } }) });
  equal(accepted.config, null);
  ok(!existsSync(join(folder, 'config')));
});

test('an NSM whose lock does not hold ends the boot', async (context) => {
  const { nsm, options, sendUnheard } = arrange(context);
  const loose: NsmClient = { ...nsm, lockPcr: async () => {} };
  const taking = takeBootConfig({ ...options, nsm: loose, image: measuredImage() });
  await sendUnheard('{}', taking, (error: Error) => error instanceof BootRefusal && error.code === 'BOOT_CONFIG_PCR16');
});

test('an aborted signal ends the wait and frees the ports', async (context) => {
  const { options, host } = arrange(context);
  const stop = new AbortController();
  const listening = Promise.withResolvers<void>();
  const taking = takeBootConfig({
    ...options,
    image: measuredImage(),
    signal: stop.signal,
    onListening: listening.resolve,
  });
  await listening.promise;
  stop.abort(new Error('stopped'));
  await rejects(taking, { message: 'stopped' });
  await rejects(host.connect({ cid: toCid(16), port: 7778 as never }), { code: 'ECONNREFUSED' });
});

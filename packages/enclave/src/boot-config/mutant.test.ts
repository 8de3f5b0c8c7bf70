// T-C1: configs with one thing wrong. None may take effect: not the signature, not the terms of the image, not the form of the text.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { toCid } from '@caisson/core/address';
import { toUtf8 } from '@caisson/core/bytes';
import { compileSchema, type SignedConfigContent } from '@caisson/core/config';
import type { MeasuredImage } from '@caisson/core/measured';
import { createNsmClient } from '@caisson/core/nitro';
import { createSimulatedAuthority, createSimulatedNsm } from '@caisson/host/simulator';
import { type ConfigForm, deliverConfig } from '@caisson/link/config';
import { createFabricTransport } from '@caisson/link/transport';
import { measuredImage, type TestSigner, testSigner } from '@caisson/testkit/boot';
import { laneFigure } from '@caisson/testkit/contract';
import { takeBootConfig } from './index.ts';
import { judgeConfig } from './judge-config.ts';

const now = 1_800_000_000;
const pcr0 = new Uint8Array(48).fill(0xa5);
const dangerous =
  'LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT LD_DEBUG LD_BIND_NOW LD_ORIGIN_PATH NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED ' +
  'NODE_REPL_EXTERNAL_MODULE NODE_V8_COVERAGE NODE_DEBUG NODE_ENV OPENSSL_CONF OPENSSL_MODULES OPENSSL_ENGINES OPENSSL_ia32cap SSL_CERT_FILE SSL_CERT_DIR ' +
  'SSLKEYLOGFILE GLIBC_TUNABLES MALLOC_CHECK_ MALLOC_ARENA_MAX MALLOC_TRACE BASH_ENV ENV PATH HOME CAISSON_NSM CAISSON_VSOCK CAISSON_CID ' +
  'ARGONAUT_HTTP_BIND_ADDR ARGONAUT_MAX_CONNECTIONS INIT_CONFIG INIT_SOCKET ld_preload Node_Options path bash_env';

let [ada, bob] = [undefined as unknown as TestSigner, undefined as unknown as TestSigner];
let authority: Awaited<ReturnType<typeof createSimulatedAuthority>>;
before(async () => {
  authority = await createSimulatedAuthority();
  [ada, bob] = await Promise.all([testSigner(0), testSigner(1)]);
});

/** A generator of numbers below `bound`, the same in every run. */
function dice(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    state = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    return ((state ^ (state >>> 15)) >>> 0) % bound;
  };
}

const names = dangerous.split(' ');
const good = {
  schemaVersion: 'v0.1',
  mode: 'a',
  httpVsockPort: 3000,
  endpoints: [{ host: 'api.example.com', vsockPort: 8001 }],
  caisson: { environment: { APP_MODE: 'x' } },
};
const schema = compileSchema({
  type: 'object',
  additionalProperties: false,
  required: ['mode'],
  properties: {
    schemaVersion: {},
    httpVsockPort: {},
    endpoints: {},
    caisson: {},
    mode: { enum: ['a', 'b'] },
    extra: { type: 'object', additionalProperties: false, properties: { deep: { type: 'integer', minimum: 1 } } },
  },
});
// The measured list names what no list may name: the rule of forbidden names must hold by itself.
const terms = { environment: ['APP_MODE', ...names], endpoints: [{ host: 'api.example.com', port: 443 }], schema };
const open = measuredImage({ components: ['network'], config: terms });

interface Mutant {
  readonly what: string;
  readonly bytes: Uint8Array;
  readonly form: ConfigForm;
  readonly image: MeasuredImage;
}

const signedTerms = (): MeasuredImage =>
  measuredImage({
    config: {
      ...terms,
      unsigned: 'refuse',
      requireSignature: true,
      keys: [ada.spkiBase64],
      minimumVersion: 5,
      label: 'hello/eu',
    },
  });
const content = (changes: Partial<SignedConfigContent> = {}): SignedConfigContent => ({
  version: 5,
  notAfter: now + 60,
  target: { kind: 'pcr0', values: [pcr0] },
  config: toUtf8(JSON.stringify(good)),
  operators: null,
  ...changes,
});

type Roll = (bound: number) => number;
const text = (value: unknown): Uint8Array => toUtf8(JSON.stringify(value));
const pick = <Item>(roll: Roll, items: readonly Item[]): Item => items[roll(items.length)]!;
const asText = JSON.stringify(good);

/** Each gives bytes that differ from every good config in one way. */
const contentMutants: readonly ((roll: Roll) => Uint8Array)[] = [
  (roll) => text({ ...good, caisson: { environment: { [pick(roll, names)]: 'x' } } }),
  (roll) => text({ ...good, caisson: { environment: { [`OTHER_${roll(1_000)}`]: 'x' } } }),
  (roll) =>
    text({
      ...good,
      caisson: { environment: { APP_MODE: pick(roll, [1, null, [], {}, true, 'a\0b', 'x'.repeat(4_097)]) } },
    }),
  (roll) =>
    text({
      ...good,
      caisson: { ...good.caisson, [pick(roll, ['debug', 'operators', 'exec', 'rootKey', 'path', '__proto__x'])]: 1 },
    }),
  (roll) =>
    toUtf8(
      asText.replace(
        '"APP_MODE":"x"',
        pick(roll, ['"__proto__":"x"', '"constructor":"x"', '"APP_MODE":"x","APP_MODE":"y"', '"":"x"', '"A=B":"x"']),
      ),
    ),
  (roll) => text({ ...good, caisson: pick(roll, [null, 1, 'x', [], { environment: [] }, { environment: 'x' }]) }),
  (roll) =>
    text({
      ...good,
      endpoints: [
        {
          host: pick(roll, ['evil.example.com', '169.254.169.254', 'api.example.com.evil.com', 'a..b']),
          vsockPort: 1 + roll(60_000),
        },
      ],
    }),
  (roll) =>
    text({
      ...good,
      endpoints: [{ host: 'api.example.com', vsockPort: 8001, tcpPort: pick(roll, [0, 80, 444, 70_000, -1, 1.5]) }],
    }),
  (roll) => text({ ...good, endpoints: [{ ...good.endpoints[0], [`x${roll(99)}`]: 1 }] }),
  (roll) =>
    text({
      ...good,
      endpoints: pick(roll, [null, 'none', {}, [1], [null], Array.from({ length: 192 }, () => good.endpoints[0])]),
    }),
  (roll) => text({ ...good, mode: pick(roll, ['c', 'A', '', null, 1, ['a'], { a: 1 }]) }),
  (roll) => text({ ...good, [`unknown${roll(1_000)}`]: 1 }),
  (roll) => text({ ...good, extra: pick(roll, [{ deep: 0 }, { deep: '1' }, { deep: 1, more: 1 }, []]) }),
  (roll) =>
    toUtf8(
      `${asText.slice(0, -1)},"${pick(roll, ['mode', 'caisson', 'endpoints'])}":${pick(roll, ['"a"', '{}', '[]'])}}`,
    ),
  (roll) => toUtf8(asText.slice(0, 1 + roll(asText.length - 1))),
  (roll) => toUtf8(asText + pick(roll, ['{}', 'x', ',', '\0', '//', '[]'])),
  (roll) => toUtf8(pick(roll, [`[${asText}]`, '"x"', '1', 'null', '', ' ', 'true', `\ufeff${asText}`])),
  () => toUtf8(`${'['.repeat(10_000)}${']'.repeat(10_000)}`),
  () => toUtf8(`${asText.slice(0, -1)},"pad":"${'x'.repeat(1_048_577)}"}`),
  (roll) => {
    const bytes = toUtf8(asText);
    bytes[1 + roll(bytes.length - 2)] = 0x80 + roll(0x7f);
    return bytes;
  },
];

/** Envelopes with one thing wrong around a good config. */
const envelopeMutants: readonly ((roll: Roll, base: Uint8Array) => Promise<Uint8Array>)[] = [
  async (roll, base) => {
    const bytes = base.slice();
    bytes[roll(bytes.length)]! ^= 1 << roll(8);
    return bytes;
  },
  async (roll, base) => base.slice(0, roll(base.length)),
  async (roll, base) => Uint8Array.from([...base, roll(256)]),
  () => bob.sign(content()),
  (roll) => ada.sign(content({ version: roll(5) })),
  (roll) => ada.sign(content({ notAfter: now - roll(1_000_000) })),
  (roll) => {
    const other = pcr0.slice();
    other[roll(48)]! ^= 1 + roll(255);
    return ada.sign(content({ target: { kind: 'pcr0', values: [other] } }));
  },
  (roll) =>
    ada.sign(
      content({ target: { kind: 'label', label: pick(roll, ['hello', 'hello/us', 'HELLO/EU', 'hello/eu2', 'null']) } }),
    ),
  async () => toUtf8(asText),
];

async function mutant(roll: Roll, base: Uint8Array): Promise<Mutant> {
  if (roll(2) === 0) {
    const index = roll(envelopeMutants.length);
    const bytes = await envelopeMutants[index]!(roll, base);
    return { what: `envelope ${index}`, bytes, form: 'framed', image: signedTerms() };
  }
  const index = roll(contentMutants.length);
  const inner = contentMutants[index]!(roll);
  const isSigned = roll(4) === 0 && inner.length > 0 && inner.length < 1_048_000;
  if (!isSigned) return { what: `content ${index}`, bytes: inner, form: roll(2) === 0 ? 'raw' : 'framed', image: open };
  return {
    what: `signed content ${index}`,
    bytes: await ada.sign(content({ config: inner })),
    form: 'framed',
    image: signedTerms(),
  };
}

const world = (image: MeasuredImage) => ({
  image,
  askDocument: async () => ({ bytes: new Uint8Array(), timestampMs: now * 1_000, pcr0 }),
});

test('T-C1 takes no config with one thing wrong, whatever it is', { timeout: 3_600_000 }, async () => {
  const roll = dice(61);
  const base = await ada.sign(content());
  const hosts = existsSync('/etc/hosts') ? readFileSync('/etc/hosts', 'utf8') : undefined;
  const environment = { ...process.env };
  const kinds = new Set<string>();
  for (let count = laneFigure('T-C1'); count > 0; count -= 1) {
    const { what, bytes, form, image } = await mutant(roll, base);
    const judged = await judgeConfig(bytes, form, world(image));
    equal(judged.ok, false, `${what} of ${bytes.length} bytes: ${Buffer.from(bytes).toString('latin1').slice(0, 300)}`);
    ok(!judged.ok && judged.faults.length > 0 && judged.reason.startsWith('config-'), what);
    kinds.add(what);
  }
  ok(kinds.size >= contentMutants.length + envelopeMutants.length, 'every kind was tried');
  if (hosts !== undefined) equal(readFileSync('/etc/hosts', 'utf8'), hosts);
  deepEqual({ ...process.env }, environment);
});

test('and the good ones that they were made of are taken, with every unknown key where no schema closes them', async () => {
  equal((await judgeConfig(toUtf8(asText), 'raw', world(open))).ok, true);
  equal((await judgeConfig(await ada.sign(content()), 'framed', world(signedTerms()))).ok, true);
  const free = measuredImage({ config: { ...terms, schema: null } });
  const strange = toUtf8(`${asText.slice(0, -1)},"__proto__":{"constructor":1},"app":{"x":[1]},"constructor":null}`);
  equal((await judgeConfig(strange, 'raw', world(free))).ok, true);
});

test('T-C1 leaves nothing behind when mutants come through the ports: PCR16 free, no file, and a reason', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const nsm = createNsmClient(createSimulatedNsm({ authority, pcrs: { 0: 'a5'.repeat(48) }, now: () => now * 1_000 }));
  const host = createFabricTransport({ directory, localCid: toCid(3) });
  const transport = createFabricTransport({ directory, localCid: toCid(16) });
  const folder = join(directory, 'run');
  const stop = new AbortController();
  const refused: string[] = [];
  const taking = takeBootConfig({
    image: signedTerms(),
    nsm,
    transport,
    folder,
    signal: stop.signal,
    onRefused: (reason) => refused.push(reason),
  });
  const base = await ada.sign(content());
  const roll = dice(62);
  const rounds = 40;
  for (let count = 0; count < rounds; count += 1) {
    const bytes = await envelopeMutants[roll(envelopeMutants.length)]!(roll, base);
    const delivered = await deliverConfig({
      transport: host,
      cid: toCid(16),
      bytes,
      timeoutMs: 5_000,
      retry: true,
      form: 'framed',
    });
    ok(delivered.form === 'framed' && !delivered.reply.ok);
  }
  stop.abort(new Error('enough'));
  await taking.then(
    () => ok(false, 'nothing was taken'),
    (error: Error) => equal(error.message, 'enough'),
  );
  equal(refused.length, rounds);
  const { lock, data } = await nsm.describePcr(16);
  deepEqual([lock, data.every((byte) => byte === 0)], [false, true]);
  deepEqual(existsSync(folder) ? readdirSync(folder) : [], []);
});

// verifyAttestation: the policy, the challenge, and what a Caisson image says about itself in user_data.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, test } from 'node:test';
import { concatBytes, toHex } from '@caisson/core/bytes';
import { type CborValue, encodeCbor } from '@caisson/core/cbor';
import { type ForgedChain, forgeChain, forgeDocument, testPcrs } from '@caisson/testkit/authority';
import {
  type AttestationDemand,
  createReplayCache,
  type VerifiedAttestation,
  verifyAttestation,
  verifyByPolicy,
} from './index.ts';
import { checkPolicy } from './policy/index.ts';
import { classified } from './refuse.ts';

const at = 1_780_000_000;
const nonce = new Uint8Array(16).fill(9);
const pcr = (index: number): string => toHex(testPcrs().get(index)!);
const config = new TextEncoder().encode('{"a":1}');
const configSha384 = new Uint8Array(createHash('sha384').update(config).digest());
const pcr16 = new Uint8Array(createHash('sha384').update(new Uint8Array(48)).update(configSha384).digest());
let chain: ForgedChain;

before(async () => {
  chain = await forgeChain({ at });
});

const claims = (fields: Record<number, CborValue>): Uint8Array =>
  concatBytes(
    new TextEncoder().encode('CAISSON\0'),
    encodeCbor(new Map(Object.entries(fields).map(([key, value]) => [Number(key), value]))),
  );
const control = (more: Record<number, CborValue> = {}): Uint8Array =>
  claims({ 1: 'caisson-control/1', 6: 7, 7: configSha384, 8: 3, 9: 'production', ...more });

async function attested(
  demand: Partial<AttestationDemand>,
  payload: {
    userData?: Uint8Array;
    pcrs?: ReadonlyMap<number, Uint8Array>;
    nonce?: Uint8Array;
    timestamp?: number;
  } = {},
): Promise<VerifiedAttestation> {
  const document = await forgeDocument(chain, { timestamp: at * 1000, nonce, ...payload });
  return verifyAttestation(document, {
    pcrs: { 0: pcr(0) },
    backend: 'sim',
    roots: [chain.rootPem],
    nonce,
    at,
    ...demand,
  });
}

test('a policy that pins PCR0 and a fresh nonce is enough, and comes back with its defaults', async () => {
  const { policy, root, moduleId } = await attested({});
  assert.equal(root, 'custom');
  assert.match(moduleId, /^i-/);
  assert.deepEqual([policy.maxAgeSeconds, policy.allowDevelopment, policy.pcrs], [300, false, { 0: [pcr(0)] }]);
});

test('a nonce under 16 bytes is a fault of the policy, and a wrong one is refused', async () => {
  await assert.rejects(attested({ nonce: nonce.subarray(0, 15) }), {
    class: 'POLICY',
    message: 'nonce must have at least 16 bytes, got 15 bytes',
  });
  await assert.rejects(attested({ nonce: undefined as never }), { class: 'POLICY' });
  await assert.rejects(attested({ nonce: new Uint8Array(16) }), { class: 'NONCE' });
});

test('a document is at most 300 seconds old unless the policy says otherwise', async () => {
  await attested({ at: at + 300 });
  await assert.rejects(attested({ at: at + 301 }), { class: 'AGE' });
  await attested({ at: at + 900, maxAgeSeconds: 900 });
  await assert.rejects(attested({ at: at + 11, maxAgeSeconds: 10 }), { class: 'AGE' });
});

test('of several values of a PCR one must hold, so that two releases can overlap', async () => {
  await attested({ pcrs: { 0: ['ab'.repeat(48), pcr(0).toUpperCase()], 4: pcr(4) } });
  await assert.rejects(attested({ pcrs: { 0: ['ab'.repeat(48), 'cd'.repeat(48)] } }), {
    class: 'PCR',
    expected: `${'ab'.repeat(48)} or ${'cd'.repeat(48)}`,
    seen: pcr(0),
  });
  await assert.rejects(attested({ pcrs: { 0: pcr(0), 4: pcr(5) } }), { class: 'PCR' });
});

test('PCR8 pins an image only together with a least version that the image itself states', async () => {
  const demand = { pcrs: { 8: pcr(8) }, image: { minimumVersion: 3 } };
  assert.equal((await attested(demand, { userData: control() })).claims?.imageVersion, 3);
  for (const userData of [undefined, control({ 8: 2 }), control({ 8: '3' }), control({ 8: null }), Uint8Array.of(1)]) {
    const payload = userData === undefined ? {} : { userData };
    await assert.rejects(attested(demand, payload), { class: 'POLICY', code: 'VERIFY_VERSION' });
  }
});

test('a policy with config refuses a document without PCR16, and one whose PCR16 measures another config', async () => {
  const fixed = testPcrs().set(16, pcr16);
  await assert.rejects(attested({ config: {} }, { userData: control() }), { class: 'PCR', seen: 'absent' });
  await attested({ config: {} }, { pcrs: fixed });
  await attested({ config: { minimumVersion: 7 } }, { pcrs: fixed, userData: control() });
  await assert.rejects(attested({ config: { minimumVersion: 8 } }, { pcrs: fixed, userData: control() }), {
    class: 'POLICY',
    message: 'config version must be at least 8, got 7',
  });
  await assert.rejects(attested({ config: { minimumVersion: 1 } }, { pcrs: fixed }), { class: 'POLICY', seen: 'none' });
  const lying = control({ 7: new Uint8Array(48).fill(1) });
  await assert.rejects(attested({ config: {} }, { pcrs: fixed, userData: lying }), { class: 'PCR' });
});

test('an image of profile development is refused unless the policy allows it', async () => {
  const userData = control({ 9: 'development' });
  await assert.rejects(attested({}, { userData }), { class: 'POLICY', code: 'VERIFY_PROFILE' });
  assert.equal((await attested({ allowDevelopment: true }, { userData })).profile, 'development');
  assert.equal((await attested({}, { userData: control() })).profile, 'production');
});

test('the TLS key stands at 3 for control and at 2 for the web, with 32 bytes, and a version is no negative number', async () => {
  const tlsKey = new Uint8Array(32).fill(7);
  const claimed = async (userData: Uint8Array) => (await attested({}, { userData })).claims;
  assert.deepEqual((await claimed(control({ 3: tlsKey })))?.tlsKeySha256, tlsKey);
  assert.equal((await claimed(control({ 2: tlsKey })))?.tlsKeySha256, undefined);
  assert.deepEqual((await claimed(claims({ 1: 'caisson-web/1', 2: tlsKey })))?.tlsKeySha256, tlsKey);
  assert.equal((await claimed(control({ 3: tlsKey.subarray(1) })))?.tlsKeySha256, undefined);
  assert.equal((await claimed(control({ 6: 0 })))?.configVersion, 0);
  assert.equal((await claimed(control({ 6: -1 })))?.configVersion, undefined);
});

test('user_data that is not of Caisson’s form claims nothing', async () => {
  const prefix = new TextEncoder().encode('CAISSON\0');
  for (const userData of [
    new Uint8Array(),
    prefix,
    concatBytes(prefix, Uint8Array.of(0xff)),
    concatBytes(prefix, encodeCbor([1])),
    claims({ 2: 'no purpose' }),
    concatBytes(control(), Uint8Array.of(0)),
    control().subarray(1),
  ]) {
    assert.equal((await attested({}, { userData })).claims, undefined, toHex(userData));
  }
});

test('the genuine and the pinned come before the claims: what an unknown image says about itself is not looked at', async () => {
  const demand = { pcrs: { 8: pcr(7) }, image: { minimumVersion: 9 } };
  await assert.rejects(attested(demand, { userData: control({ 9: 'development' }) }), { class: 'PCR' });
});

test('a nonce is used up once, by documents that hold only', async () => {
  const replayCache = createReplayCache();
  await assert.rejects(attested({ replayCache, pcrs: { 0: pcr(1) } }), { class: 'PCR' });
  assert.equal(replayCache.size, 0);
  await attested({ replayCache });
  await assert.rejects(attested({ replayCache }), { class: 'NONCE', code: 'VERIFY_REPLAY' });
  // Another document with the same nonce is the same answer to the same question.
  await assert.rejects(attested({ replayCache }, { timestamp: at * 1000 - 5 }), { code: 'VERIFY_REPLAY' });
  const second = new Uint8Array(16).fill(1);
  await attested({ replayCache, nonce: second }, { nonce: second });
});

test('the replay cache keeps a nonce for as long as its document could be accepted, and refuses rather than forgets', () => {
  const cache = createReplayCache({ maxEntries: 2 });
  const one = (byte: number): Uint8Array => new Uint8Array(16).fill(byte);
  cache.take(one(1), 100, 400);
  assert.throws(() => cache.take(one(1), 400, 700), { code: 'VERIFY_REPLAY' });
  cache.take(one(2), 100, 300);
  assert.throws(() => cache.take(one(3), 300, 600), { code: 'VERIFY_REPLAY_FULL' });
  cache.take(one(3), 301, 601);
  assert.equal(cache.size, 2);
  assert.throws(() => cache.take(one(1), 350, 700), { code: 'VERIFY_REPLAY' });
  cache.take(one(1), 401, 700);
  for (const maxEntries of [0, 1.5, -1]) {
    assert.throws(() => createReplayCache({ maxEntries }), {
      name: 'TypeError',
      message: `maxEntries must be an integer >= 1, got ${maxEntries}`,
    });
  }
  assert.equal(createReplayCache({ maxEntries: 1 }).size, 0);
});

test('a replay cache keeps 65,536 nonces unless told otherwise', () => {
  const cache = createReplayCache();
  const numbered = (index: number): Uint8Array => new Uint8Array(Uint32Array.of(index).buffer);
  for (let index = 0; index < 65_536; index += 1) cache.take(numbered(index), 1, 2);
  assert.throws(() => cache.take(numbered(65_536), 1, 2), {
    code: 'VERIFY_REPLAY_FULL',
    message: 'replay cache must have at most 65536 nonces that could be replayed, got one more',
  });
});

test('a kept document can be held to a policy without a challenge, PCRs of the caller besides', async () => {
  const policy = checkPolicy({ pcrs: { 0: pcr(0) }, backend: 'sim', roots: [chain.rootPem] });
  const document = await forgeDocument(chain, { timestamp: at * 1000 });
  assert.equal((await verifyByPolicy(document, policy, { at })).nonce, undefined);
  await assert.rejects(verifyByPolicy(document, policy, { at, pcrs: { 1: pcr(2) } }), { class: 'PCR' });
  await assert.rejects(verifyByPolicy(document, policy, { at: at + 301 }), { class: 'AGE' });
});

test('user_data, public_key and strict are held besides the policy', async () => {
  const userData = control();
  await attested({ userData, strict: true }, { userData });
  await assert.rejects(attested({ userData: control({ 8: 4 }) }, { userData }), { class: 'USERDATA' });
  await assert.rejects(attested({ publicKey: Uint8Array.of(1) }), { class: 'PUBKEY', expected: '01', seen: 'null' });
  const entries = { timestamp: at * 1000, nonce };
  const later = await forgeDocument(chain, entries, { payload: (known) => [...known, ['later', [1]]] });
  const demand = { pcrs: { 0: pcr(0) }, backend: 'sim' as const, roots: [chain.rootPem], nonce, at };
  assert.deepEqual((await verifyAttestation(later, demand)).unknownFields, ['later']);
  await assert.rejects(verifyAttestation(later, { ...demand, strict: true }), { code: 'VERIFY_UNKNOWN_FIELD' });
});

test('an error that is no verdict passes as it is', async () => {
  const broken = Object.defineProperty({}, 'pcrs', {
    enumerable: true,
    get: () => {
      throw new RangeError('not a verdict');
    },
  });
  await assert.rejects(attested(broken), RangeError);
  const error = new RangeError('not a verdict');
  assert.equal(
    classified(error, () => 'DOC'),
    error,
  );
});

// Path validation by itself: what it takes on trust, in which order it refuses, and that keeping keys changes nothing.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type ForgeChainOptions, type ForgedChain, forgeChain, forgeKey } from '@caisson/testkit/authority';
import { VerificationError } from '../errors/index.ts';
import { type Certificate, importVerifyKey, parseCertificate, parsePublicKey, verifyCertificatePath } from './index.ts';

const at = 1_780_000_000;
const parsed = (chain: ForgedChain): Certificate[] => chain.path.map((der) => parseCertificate(der));
const pathOf = async (options: Omit<ForgeChainOptions, 'at'> = {}): Promise<Certificate[]> =>
  parsed(await forgeChain({ at, ...options }));
let good: Certificate[];
before(async () => {
  good = await pathOf();
});

test('accepts hardware’s path, and any path of 2 to 9 levels that its lengths allow', async () => {
  await verifyCertificatePath(good, { at });
  for (const levels of [2, 3, 9]) await verifyCertificatePath(await pathOf({ levels }), { at });
});

test('an anchor alone, nothing, and ten levels are no path', async () => {
  for (const path of [[], good.slice(0, 1), await pathOf({ levels: 10, pathLengths: {} })]) {
    await assert.rejects(verifyCertificatePath(path, { at }), { code: 'X509_PATH_LENGTH' });
  }
});

test('the anchor’s own signature is not looked at, its dates and constraints are', async () => {
  const { key } = await forgeKey();
  await verifyCertificatePath(await pathOf({ bends: { 0: { signWith: key } } }), { at });
  await assert.rejects(verifyCertificatePath(await pathOf({ bends: { 0: { notAfter: at - 1 } } }), { at }), {
    code: 'X509_VALIDITY',
  });
  await assert.rejects(verifyCertificatePath(await pathOf({ pathLengths: { 0: 2 } }), { at }), {
    code: 'X509_PATH_LENGTH',
  });
});

test('names which certificate does not hold, whose it is, and when it would', async () => {
  const path = await pathOf({ bends: { 2: { notAfter: at - 1 } } });
  await assert.rejects(verifyCertificatePath(path, { at }), (error) => {
    assert.ok(error instanceof VerificationError);
    assert.equal(
      error.message,
      'certificate 2 (CN=test level 2) must be valid at 2026-05-28T20:26:40Z, got 2026-05-28T19:26:40Z to 2026-05-28T20:26:39Z',
    );
    return true;
  });
});

test('names the key usage that a certificate has in place of the one it needs', async () => {
  const usage = (bits: readonly number[] | undefined) => bits && { isCritical: true, bits };
  const messageOf = async (level: number, bits: readonly number[] | undefined): Promise<string> => {
    const path = good.map((one, index) => (index === level ? { ...one, keyUsage: usage(bits) } : one));
    return verifyCertificatePath(path, { at }).then(
      () => 'held',
      (error) => error.message,
    );
  };
  const [authority, leaf] = [
    'certificate 1 must have key usage keyCertSign',
    'and must have key usage digitalSignature',
  ];
  assert.equal(await messageOf(1, undefined), `${authority}, got no key usage`);
  assert.equal(await messageOf(1, [0, 6]), `${authority}, got key usage bits 0 6`);
  assert.equal(await messageOf(4, undefined), `certificate 4 is the leaf ${leaf}, got no key usage`);
  assert.equal(await messageOf(4, [1]), `certificate 4 is the leaf ${leaf}, got key usage bits 1`);
});

test('a moment beyond the calendar is said in seconds', async () => {
  await assert.rejects(verifyCertificatePath(good, { at: 1e15 }), {
    message: /must be valid at 1000000000000000 s, got/,
  });
});

test('refuses for structure before signatures, and for signatures before dates', async () => {
  const { key } = await forgeKey();
  const late = { notAfter: at - 1 };
  const signature = await pathOf({ bends: { 1: { signWith: key }, 2: late } });
  await assert.rejects(verifyCertificatePath(signature, { at }), { code: 'X509_SIGNATURE' });
  const structure = await pathOf({ bends: { 1: { signWith: key }, 4: late }, pathLengths: { 1: 0 } });
  await assert.rejects(verifyCertificatePath(structure, { at }), { code: 'X509_PATH_LENGTH' });
});

test('refuses a path of another algorithm by itself, without relying on its caller to have looked', async () => {
  await assert.rejects(verifyCertificatePath(await pathOf({ curves: { 2: 'P-256' } }), { at }), {
    code: 'X509_ALGORITHM',
  });
});

test('keys that no curve has are refused each time, and hundreds of keys change no verdict', async () => {
  const [root, ...rest] = good as [Certificate, ...Certificate[]];
  for (let round = 0; round < 150; round += 1) {
    const spki = new Uint8Array(root.publicKey.spki);
    spki[spki.length - 1]! ^= 1 + (round % 255);
    await assert.rejects(importVerifyKey({ ...root.publicKey, spki }), { code: 'X509_KEY' });
    if (round % 2 === 0) await importVerifyKey(parsePublicKey((await forgeKey()).spki));
  }
  await verifyCertificatePath([root, ...rest], { at });
  const { key } = await forgeKey();
  await assert.rejects(verifyCertificatePath(await pathOf({ bends: { 3: { signWith: key } } }), { at }), {
    code: 'X509_SIGNATURE',
  });
});

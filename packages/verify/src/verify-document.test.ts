// verifyDocument as its callers see it: what the options mean, what comes out, and what a refusal says.
import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { before, test } from 'node:test';
import { toHex } from '@caisson/core/bytes';
import { VerificationError as CoreVerificationError } from '@caisson/core/errors';
import { type ForgedChain, forgeChain, forgeDocument, testModuleId, testPcrs } from '@caisson/testkit/authority';
import { AWS_ROOT_SHA256, awsRoot, VERIFICATION_CLASSES, VerificationError, verifyDocument } from './index.ts';

const at = 1_780_000_000;
const nonce = Uint8Array.of(1, 2, 3);
const pcr = (index: number): string => toHex(testPcrs().get(index)!);
let chain: ForgedChain;
let document: Uint8Array;
let options: Parameters<typeof verifyDocument>[1];

before(async () => {
  chain = await forgeChain({ at });
  document = await forgeDocument(chain, { timestamp: at * 1000, nonce, userData: new Uint8Array() });
  options = { roots: [chain.rootPem], at };
});

test('the root that is compiled in is AWS’s, by the fingerprint AWS publishes', () => {
  assert.equal(createHash('sha256').update(awsRoot()).digest('hex'), AWS_ROOT_SHA256);
  const { subject, validTo } = new X509Certificate(awsRoot());
  assert.match(subject, /CN=aws\.nitro-enclaves/);
  assert.equal(validTo, 'Oct 28 14:28:05 2049 GMT');
});

test('tells what was verified, when, and under whose root', async () => {
  const verified = await verifyDocument(document, options);
  const { certificates, pcrs, ...rest } = verified;
  assert.deepEqual(rest, {
    root: 'custom',
    verifiedAt: at,
    historical: true,
    debug: false,
    profile: undefined,
    moduleId: testModuleId,
    digest: 'SHA384',
    timestamp: at * 1000,
    publicKey: undefined,
    userData: new Uint8Array(),
    nonce,
    claims: undefined,
    unknownFields: [],
  });
  assert.deepEqual(Object.keys(pcrs).length, 16);
  assert.equal(pcrs[15], pcr(15));
  assert.deepEqual(
    certificates.map(({ subject, notBefore, notAfter }) => [subject, notBefore, notAfter]),
    [0, 1, 2, 3, 4].map((level) => [`CN=test level ${level}`, at - 3600, at + 3600]),
  );
});

test('takes now as the moment unless told otherwise, and says which it was', async () => {
  const now = Math.floor(Date.now() / 1000);
  const fresh = await forgeChain({ at: now });
  const verified = await verifyDocument(await forgeDocument(fresh, { timestamp: now * 1000 }), {
    roots: [fresh.rootPem],
  });
  assert.equal(verified.historical, false);
  assert.ok(Math.abs(verified.verifiedAt - now) < 30);
  await assert.rejects(verifyDocument(document, { roots: [chain.rootPem] }), { class: 'TIME', code: 'X509_VALIDITY' });
});

test('takes roots as DER and as PEM, and AWS’s alone when none is named', async () => {
  await verifyDocument(document, { roots: [chain.path[0]!], at });
  await assert.rejects(verifyDocument(document, { at }), {
    class: 'ROOT',
    expected: AWS_ROOT_SHA256,
    seen: createHash('sha256').update(chain.path[0]!).digest('hex'),
  });
});

test('a maximum age counts to the second', async () => {
  await verifyDocument(document, { ...options, at: at + 60, maxAgeSeconds: 60 });
  await assert.rejects(verifyDocument(document, { ...options, at: at + 61, maxAgeSeconds: 60 }), {
    class: 'AGE',
    message: 'document must be at most 60 s old, got 61 s',
  });
});

test('each pinned PCR must be there and equal, in hex of either case', async () => {
  await verifyDocument(document, { ...options, pcrs: { 0: pcr(0), 15: pcr(15).toUpperCase() } });
  for (const pcrs of [
    { 0: pcr(1) },
    { 0: pcr(0), 1: pcr(0) },
    { 16: '00'.repeat(48) },
    { 0: '' },
    { 0: pcr(0).slice(2) },
    { 0: `0x${pcr(0)}` },
    { 0: ` ${pcr(0)}` },
    { '00': pcr(0) },
    { '-0': pcr(0) },
    { 32: pcr(0) },
  ]) {
    await assert.rejects(
      verifyDocument(document, { ...options, pcrs }),
      { class: 'PCR', code: 'VERIFY_PCR' },
      JSON.stringify(pcrs),
    );
  }
  await assert.rejects(verifyDocument(document, { ...options, pcrs: { 16: '00'.repeat(48) } }), {
    expected: '00'.repeat(48),
    seen: 'absent',
  });
});

test('nonce, user_data and public_key: null, empty, a prefix and a longer value are all not equal', async () => {
  await verifyDocument(document, { ...options, nonce, userData: new Uint8Array() });
  const refused = (more: object, kind: string): Promise<void> =>
    assert.rejects(verifyDocument(document, { ...options, ...more }), { class: kind });
  await refused({ nonce: nonce.subarray(0, 2) }, 'NONCE');
  await refused({ nonce: Uint8Array.of(...nonce, 0) }, 'NONCE');
  await refused({ nonce: new Uint8Array() }, 'NONCE');
  await refused({ userData: Uint8Array.of(0) }, 'USERDATA');
  await refused({ publicKey: new Uint8Array() }, 'PUBKEY');
  const compared = (more: object, expected: string, seen: string): Promise<void> =>
    assert.rejects(verifyDocument(document, { ...options, ...more }), { expected, seen });
  await compared({ nonce: new Uint8Array() }, 'empty', '010203');
  await compared({ userData: Uint8Array.of(0) }, '00', 'empty');
  await compared({ publicKey: new Uint8Array() }, 'empty', 'null');
});

test('checks run in the order of the classes, so the first refusal is the deepest', async () => {
  const everything = {
    ...options,
    at: at + 100,
    maxAgeSeconds: 1,
    pcrs: { 0: 'ff' },
    nonce: new Uint8Array(1),
    userData: new Uint8Array(1),
    publicKey: new Uint8Array(1),
  };
  const zero = await forgeDocument(chain, {
    timestamp: at * 1000,
    pcrs: new Map([0, 1, 2].map((index) => [index, new Uint8Array(48)])),
  });
  const steps = ['AGE', 'DEBUG', 'PCR', 'NONCE', 'USERDATA', 'PUBKEY'] as const;
  const relaxed = [
    {},
    { maxAgeSeconds: 100 },
    { allowDebug: true },
    { pcrs: {} },
    { nonce: undefined },
    { userData: undefined },
  ];
  let given: object = everything;
  for (const [index, kind] of steps.entries()) {
    given = { ...given, ...relaxed[index] };
    await assert.rejects(verifyDocument(zero, given), { class: kind });
  }
  assert.deepEqual(VERIFICATION_CLASSES.slice(8, 14), steps);
});

test('an unknown payload key is named, and refused under strict', async () => {
  const later = await forgeDocument(
    chain,
    { timestamp: at * 1000 },
    { payload: (entries) => [...entries, ['later', [1]]] },
  );
  assert.deepEqual((await verifyDocument(later, options)).unknownFields, ['later']);
  await assert.rejects(verifyDocument(later, { ...options, strict: true }), {
    class: 'DOC',
    code: 'VERIFY_UNKNOWN_FIELD',
    message: 'attestation payload must have no unknown key under strict, got "later"',
  });
  await verifyDocument(document, { ...options, strict: true });
});

test('a refusal is an error of the house whose safe text is the class alone', async () => {
  await assert.rejects(verifyDocument(document.subarray(1), options), (error) => {
    assert.ok(error instanceof VerificationError && error instanceof CoreVerificationError);
    assert.equal(error.safe, `document refused: ${error.class}`);
    return true;
  });
});

test('options that are none are the caller’s mistake', async () => {
  const mistakes: object[] = [
    { roots: [] },
    { roots: ['no PEM'] },
    { roots: [7] },
    { at: Number.NaN },
    { at: -1 },
    { at: '1' },
    { maxAgeSeconds: Number.NaN },
    { nonce: 'abcd' },
    { userData: [1] },
  ];
  for (const mistake of mistakes) {
    await assert.rejects(verifyDocument(document, { ...options, ...mistake }), TypeError, JSON.stringify(mistake));
  }
  await assert.rejects(verifyDocument('8444' as never, options), {
    name: 'TypeError',
    message: 'document must be a Uint8Array, got string',
  });
  await assert.rejects(verifyDocument(document, { ...options, nonce: 'abcd' as never }), {
    name: 'TypeError',
    message: 'nonce must be a Uint8Array, got string',
  });
});

test('every moment from 0 to 2^53-1 is one, and no other', async () => {
  for (const moment of [0, Number.MAX_SAFE_INTEGER]) {
    await assert.rejects(verifyDocument(document, { ...options, at: moment }), { class: 'TIME' });
  }
  await verifyDocument(document, { ...options, maxAgeSeconds: 0 });
  await verifyDocument(document, { ...options, maxAgeSeconds: Number.MAX_SAFE_INTEGER });
  for (const name of ['at', 'maxAgeSeconds']) {
    await assert.rejects(verifyDocument(document, { ...options, [name]: 2 ** 53 }), {
      name: 'TypeError',
      message: `${name} must be seconds >= 0, got 9007199254740992`,
    });
  }
});

test('a refusal names the certificate it is about, and how far ahead a document is', async () => {
  for (const [level, name] of [
    [0, 'cabundle[0]'],
    [3, 'cabundle[3]'],
    [4, 'certificate'],
  ] as const) {
    const bent = await forgeChain({ at, bends: { [level]: { version: new Uint8Array() } } });
    await assert.rejects(verifyDocument(await forgeDocument(bent, { timestamp: at * 1000 }), options), {
      class: 'CERT',
      message: `${name}: certificate must have version 3, got 1`,
    });
  }
  const early = await forgeDocument(chain, { timestamp: (at + 300) * 1000 + 1 });
  await assert.rejects(verifyDocument(early, options), {
    class: 'TIME',
    code: 'VERIFY_FUTURE',
    message: 'document timestamp must be at most 300 s ahead of the verifier, got 301 s',
  });
});

// T-V5: an enclave in debug mode has genuine certificates and zeros for measurements. Nothing that forgets to look may let it pass: not
// a default, not a flag for something else, not a policy that pins too little or the zeros themselves.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { toHex } from '@caisson/core/bytes';
import { type ForgedChain, forgeChain, forgeDocument, testPcrs } from '@caisson/testkit/authority';
import { laneFigure } from '@caisson/testkit/contract';
import { VerificationError, verifyAttestation, verifyDocument } from './index.ts';

const at = 1_780_000_000;
const zeros = '00'.repeat(48);
const nonce = new Uint8Array(32).fill(5);
const good = toHex(testPcrs().get(0)!);
let chain: ForgedChain;
let roots: readonly string[];

const withZero = (...indexes: number[]): Map<number, Uint8Array> =>
  new Map([...testPcrs()].map(([index, value]) => [index, indexes.includes(index) ? new Uint8Array(48) : value]));
const without = (...indexes: number[]): Map<number, Uint8Array> =>
  new Map([...testPcrs()].filter(([index]) => !indexes.includes(index)));
const make = (pcrs: ReadonlyMap<number, Uint8Array>): Promise<Uint8Array> =>
  forgeDocument(chain, { timestamp: at * 1000, nonce, pcrs });

before(async () => {
  chain = await forgeChain({ at });
  roots = [chain.rootPem];
});

async function outcome(pending: Promise<unknown>): Promise<string> {
  try {
    await pending;
    return 'held';
  } catch (error) {
    if (error instanceof VerificationError) return error.class;
    throw error;
  }
}

test('T-V5: no document of a debug enclave and no policy that pins too little passes', async () => {
  const byDocument: [string, string, ReadonlyMap<number, Uint8Array>, object][] = [
    ['zeros in 0, 1, 2', 'DEBUG', withZero(0, 1, 2), {}],
    ['zeros in 0, 1, 2, 8', 'DEBUG', withZero(0, 1, 2, 8), {}],
    ['only PCR0 zero', 'DEBUG', withZero(0), {}],
    ['zeros in 0 and 1', 'DEBUG', withZero(0, 1), {}],
    ['no PCR0, 1 and 2 zero', 'DEBUG', new Map([...withZero(1, 2)].filter(([index]) => index !== 0)), {}],
    ['no PCR0 to 2 at all', 'DEBUG', without(0, 1, 2), {}],
    ['only PCR3', 'DEBUG', new Map([[3, new Uint8Array(48).fill(1)]]), {}],
    ['strict', 'DEBUG', withZero(0, 1, 2), { strict: true }],
    ['the nonce holds', 'DEBUG', withZero(0, 1, 2), { nonce }],
    ['its zeros pinned', 'DEBUG', withZero(0, 1, 2), { pcrs: { 0: zeros, 1: zeros, 2: zeros } }],
    ['PCR3 pinned', 'DEBUG', withZero(0, 1, 2), { pcrs: { 3: toHex(testPcrs().get(3)!) } }],
    ['allowed, and PCR0 pinned', 'PCR', withZero(0, 1, 2), { allowDebug: true, pcrs: { 0: good } }],
    ['allowed, and PCR8 pinned', 'PCR', withZero(0, 1, 2, 8), { allowDebug: true, pcrs: { 8: good } }],
  ];
  const pins = { 0: good };
  const byPolicy: [string, string, unknown][] = [
    ['zeros pinned', 'POLICY', { pcrs: { 0: zeros } }],
    ['zeros pinned besides', 'POLICY', { pcrs: { 0: [good, zeros] } }],
    ['zeros of PCR1 pinned', 'POLICY', { pcrs: { 0: good, 1: zeros } }],
    ['zeros of PCR8 pinned', 'POLICY', { pcrs: { 8: zeros }, image: { minimumVersion: 1 } }],
    ['no pcrs', 'POLICY', {}],
    ['empty pcrs', 'POLICY', { pcrs: {} }],
    ['only PCR3', 'POLICY', { pcrs: { 3: good } }],
    ['only PCR1 and PCR2', 'POLICY', { pcrs: { 1: good, 2: good } }],
    ['PCR8 without a least version', 'POLICY', { pcrs: { 8: good } }],
    ['PCR8 with least version 0', 'POLICY', { pcrs: { 8: good }, image: { minimumVersion: 0 } }],
    ['an empty list', 'POLICY', { pcrs: { 0: [] } }],
    ['95 digits', 'POLICY', { pcrs: { 0: good.slice(1) } }],
    ['97 digits', 'POLICY', { pcrs: { 0: `${good}0` } }],
    ['64 digits', 'POLICY', { pcrs: { 0: good.slice(0, 64) } }],
    ['0x in front', 'POLICY', { pcrs: { 0: `0x${good.slice(2)}` } }],
    ['0x besides', 'POLICY', { pcrs: { 0: `0x${good}` } }],
    ['a space', 'POLICY', { pcrs: { 0: ` ${good}` } }],
    ['a newline', 'POLICY', { pcrs: { 0: `${good}\n` } }],
    ['letters that are no hex', 'POLICY', { pcrs: { 0: 'zz'.repeat(48) } }],
    ['a number', 'POLICY', { pcrs: { 0: 0 } }],
    ['null', 'POLICY', { pcrs: { 0: null } }],
    ['a key with a leading zero', 'POLICY', { pcrs: { '00': good } }],
    ['PCR32', 'POLICY', { pcrs: { ...pins, 32: good } }],
    ['an unknown field', 'POLICY', { pcrs: pins, allowDebug: true }],
    ['a misspelt field', 'POLICY', { pcrs: pins, maxAge: 5 }],
    ['bytes of a root', 'POLICY', { pcrs: pins, roots: [new Uint8Array(3)], backend: 'sim' }],
    ['a good policy, a debug enclave', 'DEBUG', { pcrs: pins }],
  ];
  const wrong: string[] = [];
  const expect = async (name: string, expected: string, pending: Promise<unknown>): Promise<void> => {
    const got = await outcome(pending);
    if (got !== expected) wrong.push(`${name}: expected ${expected}, got ${got}`);
  };
  for (const [name, expected, pcrs, options] of byDocument) {
    await expect(name, expected, verifyDocument(await make(pcrs), { roots, at, ...options }));
  }
  const debug = await make(withZero(0, 1, 2));
  for (const [name, expected, policy] of byPolicy) {
    const demand = { backend: 'sim', roots, ...(policy as object), nonce, at };
    await expect(name, expected, verifyAttestation(debug, demand as never));
  }
  assert.deepEqual(wrong, []);
  assert.ok(byDocument.length + byPolicy.length >= laneFigure('T-V5'));
});

test('T-V5: the refusal of a debug enclave says how one is accepted, others have nothing to advise', async () => {
  const debug = await make(withZero(0, 1, 2));
  await assert.rejects(verifyDocument(debug, { roots, at }), {
    class: 'DEBUG',
    hint: 'the parent can read a debug enclave; --allow-debug (allowDebug) accepts one for development',
  });
  await assert.rejects(verifyDocument(debug, { roots, at, allowDebug: true, nonce: new Uint8Array(1) }), {
    class: 'NONCE',
    hint: undefined,
  });
});

test('T-V5: allowed debug is said in the result, and so is its absence', async () => {
  const debug = await verifyDocument(await make(withZero(0, 1, 2)), { roots, at, allowDebug: true });
  assert.equal(debug.debug, true);
  assert.equal((await verifyDocument(await make(testPcrs()), { roots, at, allowDebug: true })).debug, false);
});

test('sparse PCRs, and zeros where an image may have them, are no debug mode', async () => {
  const sparse = new Map([...testPcrs()].filter(([index]) => index < 5 || index === 8));
  for (const pcrs of [sparse, withZero(3, 8, 5, 6, 7), withZero(2)]) {
    assert.equal((await verifyDocument(await make(pcrs), { roots, at })).debug, false);
  }
});

test('without PCR0, a value in PCR1 or in PCR2 is a measurement', async () => {
  for (const zero of [1, 2]) {
    const pcrs = new Map([...withZero(zero)].filter(([index]) => index !== 0));
    assert.equal((await verifyDocument(await make(pcrs), { roots, at })).debug, false, `PCR${zero} zero`);
  }
});

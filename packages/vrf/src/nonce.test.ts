// The nonce of a proof stays inside. T-A4 of the test plan: no output contains any nonce, and no export gives one.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { concatBytes, toHex, toUtf8 } from '@caisson/core/bytes';
import { laneFigure } from '@caisson/testkit/contract';
import * as room from './index.ts';
import { vrfProve, vrfPublicKey, vrfVerify } from './index.ts';
import { integerOf } from './integer.ts';
import { deriveNonce } from './nonce.ts';
import { findSuite } from './suite.ts';
import { encodeToCurve } from './transcript.ts';

// @ts-expect-error -- held by the type check: the room has no such export
export type NotExported = (typeof room)['deriveNonce'];

test('no output of any proof contains a nonce of any proof, or its negative', () => {
  const name = 'P256_SHA256_TAI';
  const suite = findSuite(name);
  const { Fn } = suite.Point;
  const secretKey = suite.hash(toUtf8('key of this test'));
  const secret = integerOf(secretKey);
  const publicKey = vrfPublicKey({ suite: name, secretKey });
  const nonces = new Set<string>();
  const outputs: Uint8Array[] = [publicKey];
  const proofs = laneFigure('T-A4');
  for (let index = 0; index < proofs; index += 1) {
    const alpha = toUtf8(`message ${index}`);
    const proof = vrfProve({ suite: name, secretKey, alpha });
    const k = deriveNonce(suite, secret, encodeToCurve(suite, 'rfc9381', publicKey, alpha).toBytes(true));
    // s = k + c*x: what is looked for below is the very nonce that the proof was made with.
    assert.equal(integerOf(proof.subarray(49)), Fn.create(k + integerOf(proof.subarray(33, 49)) * secret));
    nonces.add(toHex(Fn.toBytes(k))).add(toHex(Fn.toBytes(Fn.neg(k))));
    outputs.push(concatBytes(proof, vrfVerify({ suite: name, publicKey, alpha, proof })));
  }
  assert.equal(nonces.size, 2 * proofs, 'a nonce came twice');
  for (const output of outputs) {
    const text = toHex(output);
    for (let at = 0; at + 64 <= text.length; at += 2) assert.ok(!nonces.has(text.slice(at, at + 64)));
  }
});

test('the room exports exactly what is listed here, and the package nothing but the room', () => {
  assert.deepEqual(Object.keys(room).sort(), [
    'VRF_ERROR_CODES',
    'VRF_SUITE_NAMES',
    'vrfProve',
    'vrfPublicKey',
    'vrfVerify',
  ]);
  const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  assert.deepEqual(Object.keys(exports), ['.']);
});

test('nonces are as long as the order in every suite: none of 64 has its upper 32 bits zero', () => {
  for (const name of room.VRF_SUITE_NAMES) {
    const suite = findSuite(name);
    const bound = suite.Point.Fn.ORDER >> 32n;
    for (let index = 0; index < 64; index += 1) {
      const k = deriveNonce(suite, 5n, toUtf8(`point ${index}`));
      assert.ok(k > bound && k < suite.Point.Fn.ORDER, `${name}: ${index}`);
    }
  }
});

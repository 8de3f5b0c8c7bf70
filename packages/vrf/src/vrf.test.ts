// What holds for every suite, and what is refused whoever asks.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { concatBytes, toHex, toUtf8 } from '@caisson/core/bytes';
import { ParseError, PolicyError, VerificationError } from '@caisson/core/errors';
import { laneFigure } from '@caisson/testkit/contract';
import fc from 'fast-check';
import { VRF_SUITE_NAMES, type VrfMode, vrfProve, vrfPublicKey, vrfVerify } from './index.ts';
import { integerOf } from './integer.ts';
import { findSuite } from './suite.ts';

const alpha = toUtf8('caisson/example/1\0message');

// Any bytes make a key in range: the value is taken modulo q - 1.
function keyFrom(suite: string, seed: Uint8Array): Uint8Array {
  const { Fn } = findSuite(suite).Point;
  return Fn.toBytes((integerOf(seed) % (Fn.ORDER - 1n)) + 1n);
}

function madeWith(suite: string) {
  const secretKey = keyFrom(suite, toUtf8(`key of ${suite}`));
  return { publicKey: vrfPublicKey({ suite, secretKey }), proof: vrfProve({ suite, secretKey, alpha }) };
}

for (const suite of VRF_SUITE_NAMES) {
  test(`${suite}: what one proves the other verifies, and the output depends on key and message alone`, () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        fc.uint8Array({ maxLength: 200 }),
        (seed, message) => {
          const secretKey = keyFrom(suite, seed);
          const publicKey = vrfPublicKey({ suite, secretKey });
          const proof = vrfProve({ suite, secretKey, alpha: message });
          assert.deepEqual(vrfProve({ suite, secretKey, alpha: message }), proof);
          const beta = vrfVerify({ suite, publicKey, alpha: message, proof });
          assert.equal(beta.length, findSuite(suite).hash.outputLen);
          assert.throws(() => vrfVerify({ suite, publicKey, alpha: concatBytes(message, Uint8Array.of(0)), proof }), {
            code: 'VRF_PROOF',
          });
        },
      ),
      { seed: 1, numRuns: laneFigure('vrf-runs') },
    );
  });

  test(`${suite}: a change of any byte of the proof or the key, and any other length, is refused`, () => {
    const { publicKey, proof } = madeWith(suite);
    const refused = (options: { publicKey: Uint8Array; proof: Uint8Array }): void =>
      assert.throws(() => vrfVerify({ suite, alpha, ...options }), VerificationError);
    // Not every byte in the gate: the scalar arithmetic costs milliseconds, and neighbours take the same path.
    const step = laneFigure('vrf-bytes');
    for (let at = 0; at < proof.length; at += step) refused({ publicKey, proof: flipped(proof, at) });
    for (let at = 0; at < publicKey.length; at += step) refused({ publicKey: flipped(publicKey, at), proof });
    for (let length = 0; length < proof.length; length += 1) refused({ publicKey, proof: proof.subarray(0, length) });
    for (let length = 0; length < publicKey.length; length += 1) {
      refused({ publicKey: publicKey.subarray(0, length), proof });
    }
    refused({ publicKey, proof: concatBytes(proof, Uint8Array.of(0)) });
  });

  test(`${suite}: s + q, the uncompressed form of Gamma and of the key, and infinity are refused`, () => {
    const { publicKey, proof } = madeWith(suite);
    const { Point, pointBytes, scalarBytes } = findSuite(suite);
    const uncompressed = (bytes: Uint8Array): Uint8Array => Point.fromBytes(bytes).toBytes(false);
    const s = integerOf(proof.subarray(-scalarBytes)) + Point.Fn.ORDER;
    if (s < 1n << BigInt(8 * scalarBytes)) {
      const digits = s.toString(16).padStart(2 * scalarBytes, '0');
      const greater = Uint8Array.from(digits.match(/../g)!, (pair) => Number.parseInt(pair, 16));
      const other = concatBytes(proof.subarray(0, -scalarBytes), greater);
      assert.throws(() => vrfVerify({ suite, publicKey, alpha, proof: other }), { code: 'VRF_PROOF_FORM' });
    }
    const greatest = concatBytes(proof.subarray(0, -scalarBytes), new Uint8Array(scalarBytes).fill(255));
    assert.throws(() => vrfVerify({ suite, publicKey, alpha, proof: greatest }), { code: 'VRF_PROOF_FORM' });
    const longer = concatBytes(uncompressed(proof.subarray(0, pointBytes)), proof.subarray(pointBytes));
    assert.throws(() => vrfVerify({ suite, publicKey, alpha, proof: longer }), { code: 'VRF_PROOF_FORM' });
    for (const key of [uncompressed(publicKey), Uint8Array.of(0), new Uint8Array(pointBytes)]) {
      assert.throws(() => vrfVerify({ suite, publicKey: key, alpha, proof }), { code: 'VRF_PUBLIC_KEY' });
    }
    const nothing = new Uint8Array(proof.length);
    assert.throws(() => vrfVerify({ suite, publicKey, alpha, proof: nothing }), { code: 'VRF_PROOF_FORM' });
  });
}

test('a proof of one suite is none of another on the same curve size, and none in the other mode', () => {
  const { publicKey, proof } = madeWith('P256_SHA256_TAI');
  assert.throws(
    () => vrfVerify({ suite: 'SECP256K1_SHA256_TAI', publicKey, alpha, proof }),
    (error) => error instanceof VerificationError,
  );
  assert.throws(() => vrfVerify({ suite: 'P256_SHA256_TAI', mode: 'draft05', publicKey, alpha, proof }), {
    code: 'VRF_PROOF',
  });
});

test('a forger who knows no key cannot reach infinity: c = 0 and s = 0 is refused', () => {
  const { publicKey, proof } = madeWith('P256_SHA256_TAI');
  const zeros = concatBytes(proof.subarray(0, 33), new Uint8Array(48));
  assert.throws(() => vrfVerify({ suite: 'P256_SHA256_TAI', publicKey, alpha, proof: zeros }), { code: 'VRF_PROOF' });
});

test('draft05 is for curves of 256 bits', () => {
  for (const suite of ['SECP384R1_SHA384_TAI', 'BRAINPOOL_P384R1_SHA384_TAI', 'BRAINPOOL_P512R1_SHA512_TAI']) {
    const { publicKey, proof } = madeWith(suite);
    const mode: VrfMode = 'draft05';
    assert.throws(
      () => vrfVerify({ suite, mode, publicKey, alpha, proof }),
      (error) => {
        assert.ok(error instanceof PolicyError);
        assert.match(error.message, new RegExp(`draft05 must go with a curve of 256 bits, got ${suite}`));
        return true;
      },
    );
  }
});

test('names of older tools are refused with the reason and the list that works', () => {
  const reasons: Readonly<Record<string, RegExp>> = {
    SECP521R1_SHA512_TAI: /64 bytes of SHA-512 do not fill the 66/,
    BRAINPOOL_P320R1_SHA256_TAI: /do not fill the 40/,
    SECT163K1_SHA256_TAI: /binary curves/,
    SECT571R1_SHA512_TAI: /binary curves/,
    K163_SHA256_TAI: /binary curves/,
    ECDSA_SECP256R1_SHA256_TAI: /names a signature algorithm/,
    constructor: /no such suite/,
    '': /no such suite/,
  };
  for (const [suite, reason] of Object.entries(reasons)) {
    assert.throws(
      () => vrfPublicKey({ suite, secretKey: new Uint8Array(32) }),
      (error) => {
        assert.ok(error instanceof PolicyError && error.code === 'VRF_SUITE', suite);
        assert.match(error.message, reason);
        for (const name of VRF_SUITE_NAMES) assert.ok(error.message.includes(name), `${suite}: ${name}`);
        return true;
      },
    );
  }
});

test('docs/vrf.md tells the fate of 27 older names as it is', () => {
  const page = readFileSync(new URL('../../../docs/vrf.md', import.meta.url), 'utf8');
  const rows = page.slice(page.indexOf('## The fate of older names')).matchAll(/^\| (`.*`) \| [^|]* \| ([^|]*) \|$/gm);
  let names = 0;
  for (const [, list = '', fate = ''] of rows) {
    for (const [, suite = ''] of list.matchAll(/`([A-Z0-9_]+)`/g)) {
      names += 1;
      const use = () => vrfPublicKey({ suite, secretKey: keyFrom(suite, toUtf8('any')) });
      if (fate.startsWith('refused')) assert.throws(use, { code: 'VRF_SUITE', message: /(?<!no such suite)$/ }, suite);
      else assert.equal(use().length, findSuite(suite).pointBytes, suite);
    }
  }
  assert.equal(names, 27);
});

test('secret keys outside 1..q-1 or of another length are refused, and none stands in the message', () => {
  const suite = 'P256_SHA256_TAI';
  const { Fn } = findSuite(suite).Point;
  const atOrder = Uint8Array.from(Fn.ORDER.toString(16).match(/../g)!, (pair) => Number.parseInt(pair, 16));
  const wrong = [
    new Uint8Array(0),
    new Uint8Array(31).fill(7),
    new Uint8Array(33).fill(7),
    new Uint8Array(32),
    new Uint8Array(32).fill(255),
    atOrder,
  ];
  for (const secretKey of wrong) {
    for (const use of [vrfPublicKey, vrfProve]) {
      assert.throws(
        () => use({ suite, secretKey, alpha }),
        (error) => {
          assert.ok(error instanceof ParseError && error.code === 'VRF_SECRET_KEY');
          assert.ok(secretKey.length === 0 || !error.message.includes(toHex(secretKey)));
          return true;
        },
      );
    }
  }
});

test('hex text in place of bytes, and an unknown mode, are a caller’s mistakes', () => {
  const suite = 'P256_SHA256_TAI';
  const { publicKey, proof } = madeWith(suite);
  const text = '00' as unknown as Uint8Array;
  assert.throws(() => vrfProve({ suite, secretKey: new Uint8Array(32).fill(1), alpha: text }), TypeError);
  assert.throws(() => vrfPublicKey({ suite, secretKey: text }), TypeError);
  assert.throws(() => vrfVerify({ suite, publicKey, alpha: text, proof }), TypeError);
  assert.throws(() => vrfVerify({ suite, publicKey: text, alpha, proof }), TypeError);
  assert.throws(() => vrfVerify({ suite, publicKey, alpha, proof: text }), TypeError);
  assert.throws(() => vrfVerify({ suite, publicKey, alpha, proof, mode: 'draft06' as VrfMode }), TypeError);
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at]! ^= 1;
  return copy;
}

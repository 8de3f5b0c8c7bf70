// Proofs that others made: the examples of RFC 9381, and a folder of good and bad ones for every suite.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseHex, toHex, toUtf8 } from '@caisson/core/bytes';
import { type VrfMode, vrfProve, vrfPublicKey, vrfVerify } from './index.ts';
import { integerOf } from './integer.ts';
import { deriveNonce } from './nonce.ts';
import { findSuite } from './suite.ts';

// RFC 9381 appendix B.1, examples 10 to 12.
const keyOfRfc6979 = 'c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721';
const examples = [
  {
    secretKey: keyOfRfc6979,
    alpha: 'sample',
    publicKey: '0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6',
    proof:
      '035b5c726e8c0e2c488a107c600578ee75cb702343c153cb1eb8dec77f4b5071b4a53f0a46f018bc2c56e58d383f2305e0' +
      '975972c26feea0eb122fe7893c15af376b33edf7de17c6ea056d4d82de6bc02f',
    beta: 'a3ad7b0ef73d8fc6655053ea22f9bede8c743f08bbed3d38821f0e16474b505e',
  },
  {
    secretKey: keyOfRfc6979,
    alpha: 'test',
    publicKey: '0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6',
    proof:
      '034dac60aba508ba0c01aa9be80377ebd7562c4a52d74722e0abae7dc3080ddb56c19e067b15a8a8174905b13617804534' +
      '214f935b94c2287f797e393eb0816969d864f37625b443f30f1a5a33f2b3c854',
    beta: 'a284f94ceec2ff4b3794629da7cbafa49121972671b466cab4ce170aa365f26d',
  },
  {
    secretKey: '2ca1411a41b17b24cc8c3b089cfd033f1920202a6c0de8abb97df1498d50d2c8',
    alpha: 'Example using ECDSA key from Appendix L.4.2 of ANSI.X9-62-2005',
    publicKey: '03596375e6ce57e0f20294fc46bdfcfd19a39f8161b58695b3ec5b3d16427c274d',
    proof:
      '03d03398bf53aa23831d7d1b2937e005fb0062cbefa06796579f2a1fc7e7b8c667d091c00b0f5c3619d10ecea44363b5a5' +
      '99cadc5b2957e223fec62e81f7b4825fc799a771a3d7334b9186bdbee87316b1',
    beta: '90871e06da5caa39a3c61578ebb844de8635e27ac0b13e829997d0d95dd98c19',
  },
] as const;

for (const [index, example] of examples.entries()) {
  test(`makes and verifies example ${index + 10} of RFC 9381 byte for byte`, () => {
    for (const suite of ['P256_SHA256_TAI', 'SECP256R1_SHA256_TAI']) {
      const [secretKey, alpha] = [parseHex(example.secretKey), toUtf8(example.alpha)];
      const publicKey = vrfPublicKey({ suite, secretKey });
      const proof = vrfProve({ suite, secretKey, alpha });
      assert.equal(toHex(publicKey), example.publicKey);
      assert.equal(toHex(proof), example.proof);
      assert.equal(toHex(vrfVerify({ suite, publicKey, alpha, proof })), example.beta);
    }
  });
}

const file = join(import.meta.dirname, '../../../../shared/vectors/vrf/vectors.json');
const skip = !existsSync(file) && `no vectors at ${file}`;

interface Vector {
  readonly id: string;
  readonly mode: VrfMode;
  readonly suite: string;
  readonly alpha: string;
  readonly pk: string;
  readonly pi: string;
  readonly sk?: string;
  readonly h?: string;
  readonly k?: string;
  readonly beta?: string;
  readonly expect: { readonly valid: boolean };
}

test('every vector holds or is refused as its file says', { skip }, async (context) => {
  const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] };
  assert.ok(vectors.length >= 88, `${vectors.length} vectors`);
  for (const { id, mode, suite, alpha, pk, pi, expect, sk, h, k, beta } of vectors) {
    await context.test(id, () => {
      const options = { suite, mode, publicKey: parseHex(pk), alpha: parseHex(alpha), proof: parseHex(pi) };
      if (!expect.valid) {
        assert.throws(() => vrfVerify(options), { code: /^VRF_(PROOF|PROOF_FORM|PUBLIC_KEY|SUITE)$/ });
        return;
      }
      assert.equal(toHex(vrfVerify(options)), beta);
      const secretKey = parseHex(sk ?? '');
      assert.equal(toHex(vrfPublicKey({ suite, secretKey })), pk);
      if (mode === 'rfc9381') assert.equal(toHex(vrfProve({ suite, secretKey, alpha: options.alpha })), pi);
      assert.equal(deriveNonce(findSuite(suite), integerOf(secretKey), parseHex(h ?? '')), BigInt(`0x${k}`));
    });
  }
});

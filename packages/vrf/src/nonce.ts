// The secret nonce of a proof: RFC 9381 section 5.4.2.1, which is RFC 6979 section 3.2 over the encoded curve point. Whoever
// learns it for one proof has the key, x = (s - k) / c mod q; a nonce shorter than q gives it by lattice from a few. It is
// therefore full length in every suite, stays inside this package, and no output may contain it.

import { concatBytes } from '@caisson/core/bytes';
import { createHmacDrbg } from '@noble/curves/utils.js';
import { integerOf } from './integer.ts';
import type { VrfHash, VrfSuite } from './suite.ts';

/** k in 1..q-1 for the key `secret` and the point `encodedH`, compressed. */
export function deriveNonce(suite: VrfSuite, secret: bigint, encodedH: Uint8Array): bigint {
  const { hash, scalarBytes } = suite;
  const { Fn } = suite.Point;
  // RFC 6979 3.2 a to d: seed = int2octets(x) || bits2octets(h1). Every suite's hash is as long as its order.
  const reduced = Fn.create(integerOf(hash(encodedH)));
  const seed = concatBytes(Fn.toBytes(secret), Fn.toBytes(reduced));
  const generate = createHmacDrbg<bigint>(hash.outputLen, scalarBytes, (key: Uint8Array, message: Uint8Array) =>
    hmac(hash, key, message),
  );
  // 3.2 h: candidates outside 1..q-1 are thrown away, never reduced, which would favour small ones.
  return generate(seed, (candidate) => {
    const k = integerOf(candidate);
    return Fn.isValidNot0(k) ? k : undefined;
  });
}

// RFC 2104; keys here are digests and so never longer than a block.
function hmac(hash: VrfHash, key: Uint8Array, message: Uint8Array): Uint8Array<ArrayBuffer> {
  const inner = new Uint8Array(hash.blockLen).fill(0x36);
  const outer = new Uint8Array(hash.blockLen).fill(0x5c);
  for (const [index, byte] of key.entries()) {
    inner[index]! ^= byte;
    outer[index]! ^= byte;
  }
  return concatBytes(hash(concatBytes(outer, hash(concatBytes(inner, message)))));
}

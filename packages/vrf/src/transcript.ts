// What is hashed and how: the three uses of the hash in RFC 9381 section 5.4, and in draft-irtf-cfrg-vrf-05, which older Rust
// services speak. They differ in a closing zero byte and in whether the challenge covers the public key; neither accepts
// the other's proofs.
import { concatBytes } from '@caisson/core/bytes';
import { LimitError } from '@caisson/core/errors';
import type { VrfErrorCode } from './error-code.ts';
import type { CurvePoint, VrfSuite } from './suite.ts';

export type VrfMode = 'rfc9381' | 'draft05';

// Given: the domain separators of RFC 9381 sections 5.4.1.1, 5.4.3 and 5.2.
const encodeFront = 0x01;
const challengeFront = 0x02;
const hashFront = 0x03;

/**
 * ECVRF_encode_to_curve by try and increment (5.4.1.1), the encoded public key as salt. How long it takes shows something of
 * `alpha` and nothing of the key. Throws LimitError VRF_ENCODE when 256 tries reach no point: once in 2^256 messages.
 */
export function encodeToCurve(suite: VrfSuite, mode: VrfMode, publicKey: Uint8Array, alpha: Uint8Array): CurvePoint {
  const front = concatBytes(Uint8Array.of(suite.byte, encodeFront), publicKey, alpha);
  for (let counter = 0; counter < 256; counter += 1) {
    const digest = suite.hash(concatBytes(front, Uint8Array.of(counter), closing(mode)));
    const point = decodePoint(suite, concatBytes(Uint8Array.of(0x02), digest));
    // 5.4.1.1 multiplies by the cofactor, which is 1 in every suite.
    if (point !== undefined) return point;
  }
  throw new LimitError<VrfErrorCode>(
    'VRF_ENCODE',
    `VRF encoding of ${alpha.length} bytes reached no point in 256 tries`,
  );
}

/** ECVRF_challenge_generation (5.4.3): the first cLen bytes of the digest. `publicKey` counts in RFC 9381 only. */
export function challengeOf(
  suite: VrfSuite,
  mode: VrfMode,
  publicKey: CurvePoint,
  points: readonly CurvePoint[],
): Uint8Array {
  const hashed = mode === 'rfc9381' ? [publicKey, ...points] : points;
  const input = concatBytes(
    Uint8Array.of(suite.byte, challengeFront),
    ...hashed.map((point) => point.toBytes(true)),
    closing(mode),
  );
  return suite.hash(input).subarray(0, suite.challengeBytes);
}

/** The output of ECVRF_proof_to_hash (5.2), step 7. */
export function hashOfGamma(suite: VrfSuite, mode: VrfMode, gamma: CurvePoint): Uint8Array {
  return suite.hash(concatBytes(Uint8Array.of(suite.byte, hashFront), gamma.toBytes(true), closing(mode)));
}

/** A compressed point on the curve; undefined for anything else. Infinity has no compressed form of this length. */
export function decodePoint(suite: VrfSuite, bytes: Uint8Array): CurvePoint | undefined {
  // The library reads the uncompressed form too; a proof with two encodings would be malleable.
  if (bytes.length !== suite.pointBytes) return undefined;
  try {
    return suite.Point.fromBytes(bytes);
  } catch {
    return undefined;
  }
}

function closing(mode: VrfMode): Uint8Array {
  return mode === 'rfc9381' ? Uint8Array.of(0) : new Uint8Array(0);
}

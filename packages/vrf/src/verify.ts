// ECVRF_verify (RFC 9381 section 5.3) with full validation of the key and of both points. Only a proof that holds has an
// output: a caller cannot get `beta` of one that was not checked.
import { equalBytes } from '@caisson/core/bytes';
import { PolicyError, VerificationError } from '@caisson/core/errors';
import { requireBytes } from './argument.ts';
import type { VrfErrorCode } from './error-code.ts';
import { integerOf } from './integer.ts';
import { type CurvePoint, findSuite, type VrfSuite } from './suite.ts';
import { challengeOf, decodePoint, encodeToCurve, hashOfGamma, type VrfMode } from './transcript.ts';

export interface VrfVerifyOptions {
  /** A name of VRF_SUITE_NAMES. */
  readonly suite: string;
  /** Compressed point. */
  readonly publicKey: Uint8Array;
  readonly alpha: Uint8Array;
  readonly proof: Uint8Array;
  /** Default `rfc9381`. `draft05` reads what the Rust crate `vrf` 0.2 wrote, on curves of 256 bits. */
  readonly mode?: VrfMode;
}

interface DecodedProof {
  readonly gamma: CurvePoint;
  readonly challenge: Uint8Array;
  readonly s: bigint;
}

// Chosen: the curves on which draft-05 software ever worked (docs/vrf.md).
const draftFieldBytes = 32;

/**
 * beta, 32 to 64 bytes. Throws VerificationError VRF_PUBLIC_KEY, VRF_PROOF_FORM or VRF_PROOF, PolicyError VRF_SUITE,
 * TypeError for arguments of the wrong kind.
 */
export function vrfVerify(options: VrfVerifyOptions): Uint8Array<ArrayBuffer> {
  const { publicKey, alpha, proof, mode = 'rfc9381' } = options;
  for (const [name, value] of Object.entries({ publicKey, alpha, proof })) requireBytes(name, value);
  if (mode !== 'rfc9381' && mode !== 'draft05') {
    throw new TypeError(`mode must be rfc9381 or draft05, got ${JSON.stringify(mode)}`);
  }
  const suite = findSuite(options.suite);
  if (mode === 'draft05' && suite.scalarBytes !== draftFieldBytes) {
    throw new PolicyError<VrfErrorCode>(
      'VRF_SUITE',
      `VRF mode draft05 must go with a curve of 256 bits, got ${suite.name}`,
    );
  }
  const key = decodePoint(suite, publicKey);
  if (key === undefined) {
    throw refusal(
      'VRF_PUBLIC_KEY',
      `VRF public key of ${suite.name} must be a compressed point of ${suite.pointBytes} bytes, got ` +
        (publicKey.length === suite.pointBytes ? 'bytes that are no point of the curve' : `${publicKey.length} bytes`),
    );
  }
  const decoded = decodeProof(suite, proof);
  verifyChallenge(suite, mode, key, encodeToCurve(suite, mode, publicKey, alpha), decoded);
  return new Uint8Array(hashOfGamma(suite, mode, decoded.gamma));
}

// ECVRF_decode_proof, 5.4.4.
function decodeProof(suite: VrfSuite, proof: Uint8Array): DecodedProof {
  const { pointBytes, challengeBytes, scalarBytes } = suite;
  const bytes = pointBytes + challengeBytes + scalarBytes;
  if (proof.length !== bytes) {
    throw refusal('VRF_PROOF_FORM', `VRF proof of ${suite.name} must have ${bytes} bytes, got ${proof.length}`);
  }
  const gamma = decodePoint(suite, proof.subarray(0, pointBytes));
  if (gamma === undefined) {
    throw refusal('VRF_PROOF_FORM', `VRF proof must begin with a compressed point of ${suite.name}, got another`);
  }
  const s = integerOf(proof.subarray(pointBytes + challengeBytes));
  // 5.4.4 step 8: s + q would be a second proof of the same output.
  if (!suite.Point.Fn.isValid(s)) {
    throw refusal('VRF_PROOF_FORM', 'VRF proof must end with a scalar below the order q, got a greater one');
  }
  return { gamma, challenge: proof.subarray(pointBytes, pointBytes + challengeBytes), s };
}

// 5.3 steps 7 to 11: U = s*B - c*Y, V = s*H - c*Gamma, and the challenge of them must be the proof's, in full.
function verifyChallenge(suite: VrfSuite, mode: VrfMode, key: CurvePoint, h: CurvePoint, proof: DecodedProof): void {
  const { Point } = suite;
  const { gamma, challenge, s } = proof;
  const minusC = Point.Fn.neg(integerOf(challenge));
  // Public values only, so the faster arithmetic that depends on them may be used.
  const u = Point.BASE.multiplyUnsafe(s).add(key.multiplyUnsafe(minusC));
  const v = h.multiplyUnsafe(s).add(gamma.multiplyUnsafe(minusC));
  // Infinity has no encoding here; it takes a chosen key or a broken hash to get there.
  const isEncodable = !u.is0() && !v.is0();
  if (isEncodable && equalBytes(challengeOf(suite, mode, key, [h, gamma, u, v]), challenge)) return;
  throw refusal('VRF_PROOF', `VRF proof of ${suite.name} (${mode}) must belong to this key and message, got another`);
}

function refusal(code: VrfErrorCode, message: string): VerificationError<VrfErrorCode> {
  return new VerificationError(code, message);
}

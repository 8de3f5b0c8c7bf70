// ECVRF_prove (RFC 9381 section 5.1): who holds the key shows that `beta` is the one output that belongs to a message. The same
// message and key give the same bytes. Proofs are made by the RFC only; the draft is for reading what older services wrote.
//
// The arithmetic is on JavaScript's big integers: its code path does not depend on the key, its exact time may. A service
// that proves for strangers who measure it closely wants a key of its own for that purpose.
import { concatBytes } from '@caisson/core/bytes';
import { ParseError } from '@caisson/core/errors';
import { requireBytes } from './argument.ts';
import type { VrfErrorCode } from './error-code.ts';
import { integerOf } from './integer.ts';
import { deriveNonce } from './nonce.ts';
import { findSuite, type VrfSuite } from './suite.ts';
import { challengeOf, encodeToCurve } from './transcript.ts';

export interface VrfKeyOptions {
  /** A name of VRF_SUITE_NAMES. */
  readonly suite: string;
  /** Big-endian scalar, exactly as long as the curve's order. */
  readonly secretKey: Uint8Array;
}

export interface VrfProveOptions extends VrfKeyOptions {
  /** The message. Put what it is for in front, and lengths before fields: a proof says nothing else about its meaning. */
  readonly alpha: Uint8Array;
}

/** pi = Gamma || c || s, 81 to 161 bytes. Throws PolicyError VRF_SUITE, ParseError VRF_SECRET_KEY. */
export function vrfProve({ suite: name, secretKey, alpha }: VrfProveOptions): Uint8Array<ArrayBuffer> {
  requireBytes('alpha', alpha);
  const suite = findSuite(name);
  const { Point } = suite;
  const secret = parseSecret(suite, secretKey);
  const publicKey = Point.BASE.multiply(secret);
  const h = encodeToCurve(suite, 'rfc9381', publicKey.toBytes(true), alpha);
  const gamma = h.multiply(secret);
  const nonce = deriveNonce(suite, secret, h.toBytes(true));
  const points = [h, gamma, Point.BASE.multiply(nonce), h.multiply(nonce)];
  const challenge = challengeOf(suite, 'rfc9381', publicKey, points);
  const s = Point.Fn.create(nonce + integerOf(challenge) * secret);
  return concatBytes(gamma.toBytes(true), challenge, Point.Fn.toBytes(s));
}

/** The compressed public key. Throws PolicyError VRF_SUITE, ParseError VRF_SECRET_KEY. */
export function vrfPublicKey({ suite: name, secretKey }: VrfKeyOptions): Uint8Array<ArrayBuffer> {
  const suite = findSuite(name);
  return concatBytes(suite.Point.BASE.multiply(parseSecret(suite, secretKey)).toBytes(true));
}

function parseSecret(suite: VrfSuite, secretKey: Uint8Array): bigint {
  requireBytes('secretKey', secretKey);
  if (secretKey.length !== suite.scalarBytes) {
    throw new ParseError<VrfErrorCode>(
      'VRF_SECRET_KEY',
      `VRF secret key of ${suite.name} must have ${suite.scalarBytes} bytes, got ${secretKey.length}`,
    );
  }
  const secret = integerOf(secretKey);
  if (suite.Point.Fn.isValidNot0(secret)) return secret;
  throw new ParseError<VrfErrorCode>(
    'VRF_SECRET_KEY',
    `VRF secret key of ${suite.name} must be in 1..q-1, got ${secret === 0n ? 'zero' : 'a value not below the order q'}`,
  );
}

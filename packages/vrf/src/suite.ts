// The suites: RFC 9381's one for P-256, and five built by the same rules under bytes that the RFC leaves to others. Each
// pairs a curve of cofactor 1 with a hash exactly as long as its field, which is what try-and-increment needs to reach a
// point and what the nonce needs to cover the whole order. Names of older tools that have no safe meaning are refused.

import { PolicyError } from '@caisson/core/errors';
import { brainpoolP256r1, brainpoolP384r1, brainpoolP512r1 } from '@noble/curves/misc.js';
import { p256, p256_hasher, p384, p384_hasher, p521_hasher } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import type { VrfErrorCode } from './error-code.ts';

export type CurvePoint = typeof p256.Point.BASE;

export interface VrfHash {
  (message: Uint8Array): Uint8Array;
  readonly blockLen: number;
  readonly outputLen: number;
}

export interface VrfSuite {
  readonly name: string;
  /** suite_string of RFC 9381 section 5.5: the first byte of every hash input. */
  readonly byte: number;
  readonly Point: typeof p256.Point;
  readonly hash: VrfHash;
  /** Bytes of a compressed point, of the challenge (cLen = fLen / 2) and of a scalar. */
  readonly pointBytes: number;
  readonly challengeBytes: number;
  readonly scalarBytes: number;
}

// The hashes as the one dependency carries them: defaults of its hashers, so that there is no second dependency.
const sha256: VrfHash = p256_hasher.defaults.hash;
const sha384: VrfHash = p384_hasher.defaults.hash;
const sha512: VrfHash = p521_hasher.defaults.hash;

// Given: 0x01 by RFC 9381 section 5.5, 0xFE by the `vrf` crate of witnet, the others by its fork 0.3.0.
const suites = [
  describeSuite('P256_SHA256_TAI', 0x01, p256.Point, sha256),
  describeSuite('SECP256K1_SHA256_TAI', 0xfe, secp256k1.Point, sha256),
  describeSuite('SECP384R1_SHA384_TAI', 0xfd, p384.Point, sha384),
  describeSuite('BRAINPOOL_P256R1_SHA256_TAI', 0xee, brainpoolP256r1.Point, sha256),
  describeSuite('BRAINPOOL_P384R1_SHA384_TAI', 0xec, brainpoolP384r1.Point, sha384),
  describeSuite('BRAINPOOL_P512R1_SHA512_TAI', 0xeb, brainpoolP512r1.Point, sha512),
] as const;

const aliases: Readonly<Record<string, string>> = { SECP256R1_SHA256_TAI: 'P256_SHA256_TAI' };

/** Names that `vrfProve`, `vrfVerify` and `vrfPublicKey` take, the default first. */
export const VRF_SUITE_NAMES: readonly string[] = [...suites.map(({ name }) => name), ...Object.keys(aliases)];

/** Throws PolicyError VRF_SUITE: with the reason for names that older tools have, and with the names that work. */
export function findSuite(name: string): VrfSuite {
  const found = suites.find((suite) => suite.name === (Object.hasOwn(aliases, name) ? aliases[name] : name));
  if (found !== undefined) return found;
  throw new PolicyError<VrfErrorCode>(
    'VRF_SUITE',
    `VRF suite must be one of ${VRF_SUITE_NAMES.join(', ')}, got ${JSON.stringify(name.slice(0, 60))}: ${reasonAgainst(name)}`,
  );
}

// What the reference's names would have meant (docs/vrf.md has each of them).
function reasonAgainst(name: string): string {
  if (name === 'SECP521R1_SHA512_TAI') return '64 bytes of SHA-512 do not fill the 66 of a P-521 coordinate';
  if (name === 'BRAINPOOL_P320R1_SHA256_TAI') return '32 bytes of SHA-256 do not fill the 40 of a P320 coordinate';
  if (/^(?:SECT\d{3}[KR]\d|K163)_/.test(name)) return 'binary curves have a cofactor, no audited code and no vectors';
  if (/^ECDSA_/.test(name)) return 'it names a signature algorithm, not a curve';
  return 'no such suite';
}

function describeSuite(name: string, byte: number, Point: typeof p256.Point, hash: VrfHash): VrfSuite {
  const fieldBytes = Point.Fp.BYTES;
  return {
    name,
    byte,
    Point,
    hash,
    pointBytes: 1 + fieldBytes,
    challengeBytes: fieldBytes / 2,
    scalarBytes: Point.Fn.BYTES,
  };
}

// The answer to a challenge: a document that holds, is fresh, and is of an enclave that a policy wants. verifyDocument compares
// whatever it is given; here nothing may be left out: the image is pinned, the nonce is there, the age is bounded.
import { equalBytes, parseHex } from '@caisson/core/bytes';
import { PolicyError } from '@caisson/core/errors';
import { type AttestationPolicy, checkPolicy, type PolicySource } from './policy/index.ts';
import { refusal } from './refuse.ts';
import type { ReplayCache } from './replay-cache.ts';
import type { VerifiedDocument } from './verified-document.ts';
import { type VerifyDocumentOptions, verifyDocumentAgainst } from './verify-document.ts';

/** A policy, and what belongs to this one question. */
export interface AttestationDemand extends PolicySource {
  /** The challenge, at least 16 bytes of randomness that was sent once. */
  readonly nonce: Uint8Array;
  readonly at?: number;
  readonly userData?: Uint8Array;
  readonly publicKey?: Uint8Array;
  readonly strict?: boolean;
  /** Refuses a nonce it has seen; for verifiers that do not keep their challenges apart themselves. */
  readonly replayCache?: ReplayCache;
}

export interface VerifiedAttestation extends VerifiedDocument {
  readonly policy: AttestationPolicy;
}

// Chosen: too many to guess or to collect answers for.
const minNonceBytes = 16;

/** Rejects with VerificationError: POLICY for a policy that is none, else the first check that does not hold. */
export async function verifyAttestation(document: Uint8Array, demand: AttestationDemand): Promise<VerifiedAttestation> {
  const { nonce, at, userData, publicKey, strict, replayCache, ...source } = demand;
  const policy = checked(source);
  if (!(nonce instanceof Uint8Array) || nonce.length < minNonceBytes) {
    const seen = nonce instanceof Uint8Array ? `${nonce.length} bytes` : 'none';
    throw refusal('POLICY', 'VERIFY_POLICY', `nonce must have at least ${minNonceBytes} bytes, got ${seen}`);
  }
  const verified = await verifyByPolicy(document, policy, {
    nonce,
    ...(at !== undefined && { at }),
    ...(userData !== undefined && { userData }),
    ...(publicKey !== undefined && { publicKey }),
    ...(strict !== undefined && { strict }),
  });
  // Last, and from the document, which the caller cannot change: one that is refused for another reason uses nothing up. It may be accepted as long as its age allows.
  const until = verified.timestamp / 1000 + policy.maxAgeSeconds;
  replayCache?.take(verified.nonce!, verified.verifiedAt, until);
  return verified;
}

/**
 * A document against a policy, without a demand for freshness beyond its age: for documents that were kept. Rejects with
 * VerificationError. PCRs of `options` must hold besides the policy's.
 */
export async function verifyByPolicy(
  document: Uint8Array,
  policy: AttestationPolicy,
  options: Omit<VerifyDocumentOptions, 'roots' | 'allowDebug'> = {},
): Promise<VerifiedAttestation> {
  const asked = {
    maxAgeSeconds: policy.maxAgeSeconds,
    ...options,
    ...(policy.roots !== undefined && { roots: policy.roots }),
  };
  const verified = await verifyDocumentAgainst(document, asked, policy.pcrs);
  await verifyConfig(verified, policy);
  verifyVersion('image', verified.claims?.imageVersion, policy.image?.minimumVersion);
  if (verified.profile === 'development' && !policy.allowDevelopment) {
    throw refusal('POLICY', 'VERIFY_PROFILE', 'image must have profile production, got development', {
      expected: 'production',
      seen: 'development',
    });
  }
  return { ...verified, policy };
}

function checked(source: PolicySource): AttestationPolicy {
  try {
    return checkPolicy(source);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw refusal('POLICY', 'VERIFY_POLICY', `policy does not hold: ${error.message}`, { cause: error });
  }
}

// A document lists locked PCRs only: without PCR16 nothing fixed the config, and whoever sent it can send another.
async function verifyConfig({ pcrs, claims }: VerifiedDocument, { config }: AttestationPolicy): Promise<void> {
  if (config === undefined) return;
  const measured = pcrs[16];
  if (measured === undefined) {
    const message = 'PCR16 must be in the document under a policy with config, got none: its config is not fixed';
    throw refusal('PCR', 'VERIFY_PCR', message, { expected: 'PCR16', seen: 'absent' });
  }
  verifyVersion('config', claims?.configVersion, config.minimumVersion);
  if (claims?.configSha384 === undefined) return;
  const [expected, seen] = [await extended(claims.configSha384), parseHex(measured)];
  if (equalBytes(expected, seen)) return;
  throw refusal('PCR', 'VERIFY_PCR', `PCR16 must measure the config that user_data names, got ${measured}`);
}

// Given: docs/wire, PCR16 = SHA-384(48 zero bytes || SHA-384(config)).
async function extended(digest: Uint8Array): Promise<Uint8Array> {
  const input = new Uint8Array(96);
  input.set(digest, 48);
  return new Uint8Array(await crypto.subtle.digest('SHA-384', input));
}

function verifyVersion(what: 'image' | 'config', version: number | undefined, minimum: number | undefined): void {
  if (minimum === undefined || (version !== undefined && version >= minimum)) return;
  const [expected, seen] = [`at least ${minimum}`, version === undefined ? 'none' : String(version)];
  throw refusal('POLICY', 'VERIFY_VERSION', `${what} version must be ${expected}, got ${seen}`, { expected, seen });
}

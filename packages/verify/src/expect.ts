// What a caller asked of a genuine document: age, debug mode, PCRs, nonce, user_data, public key. Runs only after chain, times and
// signature held, so messages may show what the document says.
import type { ParsedPayload } from '@caisson/core/attestation';
import { equalBytes, toHex } from '@caisson/core/bytes';
import type { VerificationClass, VerifyErrorCode } from './error-code.ts';
import { refusal } from './refuse.ts';

/** Throws VerificationError AGE. */
export function verifyAge({ timestamp }: ParsedPayload, at: number, maxAgeSeconds: number): void {
  const ageSeconds = at - timestamp / 1000;
  if (ageSeconds <= maxAgeSeconds) return;
  throw refusal(
    'AGE',
    'VERIFY_AGE',
    `document must be at most ${maxAgeSeconds} s old, got ${ageSeconds.toFixed(0)} s`,
    {
      expected: `at most ${maxAgeSeconds} s`,
      seen: `${ageSeconds.toFixed(0)} s`,
    },
  );
}

/**
 * Hardware measures nothing of a debug enclave: PCR0 to PCR2 are zero while certificates and the other PCRs are genuine. PCR0 zero is
 * enough, and so is none of the three having a value.
 */
export function isDebugDocument({ pcrs }: ParsedPayload): boolean {
  const first = pcrs.get(0);
  if (first !== undefined && isZero(first)) return true;
  return [0, 1, 2].every((index) => isZero(pcrs.get(index) ?? new Uint8Array()));
}

/** Throws VerificationError DEBUG. */
export function verifyNotDebug(payload: ParsedPayload): void {
  if (!isDebugDocument(payload)) return;
  throw refusal('DEBUG', 'VERIFY_DEBUG', 'enclave must not be in debug mode, got PCR0 to PCR2 without a measurement', {
    expected: 'PCR0 to PCR2 measured',
    seen: 'zeros',
    hint: 'the parent can read a debug enclave; --allow-debug (allowDebug) accepts one for development',
  });
}

/**
 * `accepted` has the values in hex, any case, by index; one of them must be there and equal. What is no PCR value is equal to
 * none, and an index that no document can have is absent. Throws VerificationError PCR.
 */
export function verifyPcrs({ pcrs }: ParsedPayload, accepted: Readonly<Record<string, readonly string[]>>): void {
  for (const [key, values] of Object.entries(accepted)) {
    const value = String(Number(key)) === key ? pcrs.get(Number(key)) : undefined;
    const seen = value === undefined ? 'absent' : toHex(value);
    if (value !== undefined && values.some((one) => String(one).toLowerCase() === seen)) continue;
    const expected = values.map(String).join(' or ');
    throw refusal('PCR', 'VERIFY_PCR', `PCR${key} must be ${expected}, got ${seen}`, { expected, seen });
  }
}

/** Absence, emptiness and a prefix are three ways of not being equal. Throws VerificationError of `kind`. */
export function verifyField(
  [name, kind, code]: (typeof EXPECTED_FIELDS)[keyof typeof EXPECTED_FIELDS],
  value: Uint8Array | undefined,
  wanted: Uint8Array,
): void {
  if (value !== undefined && equalBytes(value, wanted)) return;
  const [expected, seen] = [bytesText(wanted), bytesText(value)];
  throw refusal(kind, code, `${name} must be ${expected}, got ${seen}`, { expected, seen });
}

export const EXPECTED_FIELDS = {
  nonce: ['nonce', 'NONCE', 'VERIFY_NONCE'],
  userData: ['user_data', 'USERDATA', 'VERIFY_USER_DATA'],
  publicKey: ['public_key', 'PUBKEY', 'VERIFY_PUBLIC_KEY'],
} as const satisfies Record<string, readonly [string, VerificationClass, VerifyErrorCode]>;

function bytesText(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return 'null';
  return bytes.length === 0 ? 'empty' : toHex(bytes);
}

function isZero(value: Uint8Array): boolean {
  return value.every((byte) => byte === 0);
}

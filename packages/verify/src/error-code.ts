// Why a document is refused: its class, a closed list that callers may switch on, and the code, which says exactly what.
import type { AttestationErrorCode } from '@caisson/core/attestation';
import type { BytesErrorCode } from '@caisson/core/bytes';
import type { CborErrorCode } from '@caisson/core/cbor';
import type { CoseErrorCode } from '@caisson/core/cose';
import type { DerErrorCode } from '@caisson/core/der';
import type { X509ErrorCode } from '@caisson/core/x509';

/** In the order in which they are looked at. POLICY comes from verifyAttestation only. */
export const VERIFICATION_CLASSES = [
  'CBOR',
  'COSE',
  'DOC',
  'CERT',
  'ROOT',
  'CHAIN',
  'TIME',
  'SIG',
  'AGE',
  'DEBUG',
  'PCR',
  'NONCE',
  'USERDATA',
  'PUBKEY',
  'POLICY',
] as const;
export type VerificationClass = (typeof VERIFICATION_CLASSES)[number];

export const VERIFY_ERROR_CODES = [
  'VERIFY_UNKNOWN_FIELD',
  'VERIFY_ROOT',
  'VERIFY_FUTURE',
  'VERIFY_SIGNATURE',
  'VERIFY_AGE',
  'VERIFY_DEBUG',
  'VERIFY_PCR',
  'VERIFY_NONCE',
  'VERIFY_REPLAY',
  'VERIFY_REPLAY_FULL',
  'VERIFY_USER_DATA',
  'VERIFY_PUBLIC_KEY',
  'VERIFY_TLS_KEY',
  'VERIFY_POLICY',
  'VERIFY_VERSION',
  'VERIFY_PROFILE',
  'VERIFY_FETCH',
] as const;
export type VerifyErrorCode = (typeof VERIFY_ERROR_CODES)[number];

/** The code of a refusal: this room's, or that of the parser or the path validation that refused. */
export type RefusalCode =
  | VerifyErrorCode
  | CborErrorCode
  | CoseErrorCode
  | AttestationErrorCode
  | DerErrorCode
  | X509ErrorCode
  | BytesErrorCode;

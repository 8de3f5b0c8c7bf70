// Holds a COSE_Sign1 of an operator to his key: EdDSA over Ed25519 (RFC 9053 section 2.2) through WebCrypto.
import { VerificationError } from '../errors/index.ts';
import type { CoseErrorCode } from './error-code.ts';
import { type CoseSign1, encodeSigStructure } from './sign1.ts';

/** `spki` is DER of an Ed25519 SubjectPublicKeyInfo. Rejects with VerificationError COSE_VERIFICATION. */
export async function verifyCoseSign1Ed25519(message: CoseSign1, spki: Uint8Array): Promise<void> {
  let holds = false;
  let cause: unknown;
  try {
    const key = await crypto.subtle.importKey('spki', Uint8Array.from(spki), 'Ed25519', false, ['verify']);
    const signed = Uint8Array.from(encodeSigStructure(message));
    holds = await crypto.subtle.verify('Ed25519', key, Uint8Array.from(message.signature), signed);
  } catch (error) {
    cause = error;
  }
  if (holds) return;
  throw new VerificationError<CoseErrorCode>(
    'COSE_VERIFICATION',
    `COSE_Sign1 of ${message.payload.length} bytes must be signed by the Ed25519 key given, got another signature`,
    cause === undefined ? {} : { cause },
  );
}

// PCR0 to PCR2 of an image file, for a key policy.
import type { EifMeasurements } from '@caisson/core/eif';
import { CaissonError, LimitError } from '@caisson/core/errors';
import { IMAGE_ERROR_CODES, readImageMeasurements } from '../image/index.ts';
import type { KmsPolicyErrorCode } from './error-code.ts';

// Chosen: an image unpacks into the enclave's memory twice over; nobody boots one of this size.
const maxBytes = 1 << 30;

/** Throws LimitError or CaissonError KMS_POLICY_IMAGE, and what readEif throws. */
export async function readKeyPolicyImage(path: string): Promise<EifMeasurements> {
  try {
    return await readImageMeasurements(path, maxBytes);
  } catch (cause) {
    if (!(cause instanceof CaissonError) || !isOfFile(cause.code)) throw cause;
    const Kind = cause instanceof LimitError ? LimitError : CaissonError;
    throw new Kind<KmsPolicyErrorCode>('KMS_POLICY_IMAGE', cause.message, { cause });
  }
}

/** What the file is, told apart from what is in it. */
function isOfFile(code: string): boolean {
  return (IMAGE_ERROR_CODES as readonly string[]).includes(code);
}

// What can be wrong with an NSM message, and the words in which an NSM says so itself.
import { CaissonError } from '../errors/index.ts';

export const NITRO_ERROR_CODES = [
  'NSM_REQUEST_FORM',
  'NSM_REQUEST_ARGUMENT',
  'NSM_REQUEST_TOO_LARGE',
  'NSM_FIELD_TOO_LARGE',
  'NSM_RESPONSE',
] as const;
export type NitroErrorCode = (typeof NITRO_ERROR_CODES)[number] | 'NSM_DEVICE_ERROR';

// Given: ErrorCode of aws-nitro-enclaves-nsm-api; "Success" stands in that enum too and is never sent.
export const NSM_ERROR_NAMES = [
  'InvalidArgument',
  'InvalidIndex',
  'InvalidResponse',
  'ReadOnlyIndex',
  'InvalidOperation',
  'BufferTooSmall',
  'InputTooLarge',
  'InternalError',
] as const;
export type NsmErrorName = (typeof NSM_ERROR_NAMES)[number];

export function isNsmErrorName(text: unknown): text is NsmErrorName {
  return (NSM_ERROR_NAMES as readonly unknown[]).includes(text);
}

/** The NSM understood the request and refused it. `safe` is the NSM's own word for why. */
export class NsmDeviceError extends CaissonError<'NSM_DEVICE_ERROR'> {
  readonly nsmError: NsmErrorName;

  constructor(operation: string, nsmError: NsmErrorName) {
    const hint = hints[nsmError];
    super('NSM_DEVICE_ERROR', `nsm refused ${operation}: ${nsmError}`, {
      safe: nsmError,
      ...(hint === undefined ? {} : { hint }),
    });
    this.nsmError = nsmError;
  }
}

const hints: Partial<Record<NsmErrorName, string>> = {
  ReadOnlyIndex: 'a locked PCR stays locked until the enclave is started anew; 0..15 are locked at boot',
  InvalidIndex: 'PCRs are numbered 0..31, and LockPCRs takes a range of at most 32',
};

/**
 * How an NSM answers a request that `parseNsmRequest` refused: too long is InputTooLarge; bytes that name no operation
 * InvalidOperation; a known operation with wrong arguments InvalidArgument. Any other error is InternalError.
 */
export function toNsmErrorName(error: unknown): NsmErrorName {
  if (error instanceof NsmDeviceError) return error.nsmError;
  if (!(error instanceof CaissonError)) return 'InternalError';
  switch (error.code as NitroErrorCode) {
    case 'NSM_REQUEST_TOO_LARGE':
      return 'InputTooLarge';
    case 'NSM_REQUEST_FORM':
      return 'InvalidOperation';
    case 'NSM_REQUEST_ARGUMENT':
      return 'InvalidArgument';
    default:
      return 'InternalError';
  }
}

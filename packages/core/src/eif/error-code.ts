// What can be wrong with an enclave image file, or with what is to become one.
import { ParseError } from '../errors/index.ts';

export const EIF_ERROR_CODES = [
  'EIF_TRUNCATED',
  'EIF_HEADER',
  'EIF_TABLE',
  'EIF_SECTION',
  'EIF_METADATA',
  'EIF_CRC',
  'EIF_SOURCE',
  'EIF_LIMIT',
  'EIF_SIGNATURE_FORM',
  'EIF_CERTIFICATE',
  'EIF_SIGNATURE',
  'EIF_SIGNATURE_PCR0',
  'EIF_SIGNATURE_DATE',
] as const;
export type EifErrorCode = (typeof EIF_ERROR_CODES)[number];

export function fault(code: EifErrorCode, message: string): ParseError<EifErrorCode> {
  return new ParseError(code, message);
}

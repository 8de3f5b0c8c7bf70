// What can be wrong with a cpio archive, or with what is to become one.
import { ParseError } from '../errors/index.ts';

export const CPIO_ERROR_CODES = [
  'CPIO_TRUNCATED',
  'CPIO_HEADER',
  'CPIO_NAME',
  'CPIO_PARENT',
  'CPIO_DUPLICATE',
  'CPIO_KIND',
  'CPIO_LINK',
  'CPIO_PADDING',
  'CPIO_TRAILING',
  'CPIO_SIZE',
  'CPIO_LIMIT',
] as const;
export type CpioErrorCode = (typeof CPIO_ERROR_CODES)[number];

export function fault(code: CpioErrorCode, message: string): ParseError<CpioErrorCode> {
  return new ParseError(code, message);
}

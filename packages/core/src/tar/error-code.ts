// What can be wrong with a tar archive, or with what is to become one.
import { ParseError } from '../errors/index.ts';

export const TAR_ERROR_CODES = [
  'TAR_TRUNCATED',
  'TAR_TRAILING',
  'TAR_HEADER',
  'TAR_CHECKSUM',
  'TAR_NUMBER',
  'TAR_KIND',
  'TAR_SPARSE',
  'TAR_NAME',
  'TAR_LINK',
  'TAR_SIZE',
  'TAR_EXTENSION',
  'TAR_LIMIT',
] as const;
export type TarErrorCode = (typeof TAR_ERROR_CODES)[number];

export function fault(code: TarErrorCode, message: string): ParseError<TarErrorCode> {
  return new ParseError(code, message);
}

// Turns an error of core's parsers and path validation into a refusal of the class that its phase stands for.
import { CaissonError } from '@caisson/core/errors';
import type { RefusalCode, VerificationClass } from './error-code.ts';
import { type RefusalOptions, VerificationError } from './verification-error.ts';

export function refusal(
  kind: VerificationClass,
  code: RefusalCode,
  message: string,
  options: RefusalOptions = {},
): VerificationError {
  return new VerificationError({ class: kind, code, message }, options);
}

/** Any other error is a fault of this program and passes as it is. `where` names the object in the message. */
export function classified(error: unknown, classOf: (code: string) => VerificationClass, where = ''): unknown {
  if (!(error instanceof CaissonError)) return error;
  const message = where === '' ? error.message : `${where}: ${error.message}`;
  return refusal(classOf(error.code), error.code as RefusalCode, message, { cause: error });
}

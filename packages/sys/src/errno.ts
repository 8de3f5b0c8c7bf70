// The one place where errno numbers become errors in Node's form: code, negative errno, syscall, address, cause.
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';

/** A Node-style error; `hint` is advice for a person, as on CaissonError. */
export interface SystemError extends NodeJS.ErrnoException {
  readonly hint?: string;
}

export interface SystemErrorDetails {
  /** The error this one was made from, with the number that the kernel really gave. */
  readonly cause?: unknown;
  readonly hint?: string | undefined;
  /** Why, when the code alone does not say it. */
  readonly reason?: string;
}

/** `result` is a negated errno as the addon returns it; `object` names what the call was about: `vsock:16:5000`. */
export function createSystemError(
  result: number,
  syscall: string,
  object: string,
  details: SystemErrorDetails = {},
): SystemError {
  const code = errnoName(result);
  const message = `${syscall} ${code} ${object}${details.reason === undefined ? '' : `: ${details.reason}`}`;
  const error = new Error(message, details.cause === undefined ? undefined : { cause: details.cause });
  const hint = details.hint === undefined ? {} : { hint: details.hint };
  return Object.assign(error, { code, errno: result, syscall, address: object }, hint);
}

/** `ECONNRESET` for -104. */
export function errnoName(result: number): string {
  const name = getSystemErrorName(result);
  // Numbers that libuv has no name for read `Unknown system error -N`.
  return /^E[A-Z0-9]+$/.test(name) ? name : `ERRNO_${-result}`;
}

/** The negated number of an errno name on this platform. */
export function errnoNumber(name: keyof typeof constants.errno): number {
  return -constants.errno[name];
}

// The one error of the house, and the four kinds a caller must be able to tell apart.
// Every room throws these; only `main/` prints them. A caller's own mistake is a TypeError instead.

/** What an error carries besides its message. */
export interface CaissonErrorOptions {
  /** The error that led to this one; never leaves the process. */
  readonly cause?: unknown;
  /** Text that may cross the trust boundary. Absent: only the code may. */
  readonly safe?: string;
  /** Advice for a person, shown by the command line only. */
  readonly hint?: string;
}

/**
 * `code` is `ROOM_CAUSE`, a member of that room's literal union and listed in docs/errors.md.
 * `message` names the operation, the object, the observed value and the bound: no capital, no period.
 */
export class CaissonError<Code extends string = string> extends Error {
  override readonly name: string = 'CaissonError';
  readonly code: Code;
  readonly safe: string;
  readonly hint: string | undefined;

  constructor(code: Code, message: string, options: CaissonErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.safe = options.safe ?? code;
    this.hint = options.hint;
  }
}

/** Bytes or text that are not what they must be. */
export class ParseError<Code extends string = string> extends CaissonError<Code> {
  override readonly name = 'ParseError';
}

/** A proof that does not hold. */
export class VerificationError<Code extends string = string> extends CaissonError<Code> {
  override readonly name = 'VerificationError';
}

/** Well-formed and genuine, but not what was asked for or allowed. */
export class PolicyError<Code extends string = string> extends CaissonError<Code> {
  override readonly name = 'PolicyError';
}

/** A bound of size, count or time that was passed. */
export class LimitError<Code extends string = string> extends CaissonError<Code> {
  override readonly name = 'LimitError';
}

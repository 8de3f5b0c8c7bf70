// A refusal: class and code for programs, message for people, and, where two values were compared, both of them.
import { VerificationError as CoreVerificationError } from '@caisson/core/errors';
import type { RefusalCode, VerificationClass } from './error-code.ts';

export interface RefusalOptions {
  readonly cause?: unknown;
  readonly hint?: string;
  /** What would have held, as people write it. */
  readonly expected?: string;
  /** What the document has instead. Never anything of a document whose signature did not hold, but sizes and names. */
  readonly seen?: string;
}

/** What verifyDocument and verifyAttestation reject with. `safe` is the class alone. */
export class VerificationError extends CoreVerificationError<RefusalCode> {
  readonly class: VerificationClass;
  readonly expected: string | undefined;
  readonly seen: string | undefined;

  constructor(
    refusal: { readonly class: VerificationClass; readonly code: RefusalCode; readonly message: string },
    options: RefusalOptions = {},
  ) {
    const { cause, hint } = options;
    super(refusal.code, refusal.message, {
      safe: `document refused: ${refusal.class}`,
      ...(cause !== undefined && { cause }),
      ...(hint !== undefined && { hint }),
    });
    this.class = refusal.class;
    this.expected = options.expected;
    this.seen = options.seen;
  }
}

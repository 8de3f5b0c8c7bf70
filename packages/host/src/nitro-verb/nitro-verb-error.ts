// An error under one of nitro-cli's verbs: with the code that nitro-cli has for it, which is its exit code too.
import { CaissonError } from '@caisson/core/errors';
import type { NitroVerbErrorCode } from './error-code.ts';

export class NitroVerbError extends CaissonError<NitroVerbErrorCode> {
  /** `E58`. */
  readonly nitro: string;

  constructor(
    nitro: string,
    code: NitroVerbErrorCode,
    message: string,
    options: { readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    super(code, message, options);
    this.nitro = nitro;
  }
}

// What a code of nitro-cli means to whoever meets it: one cause, the likeliest, and one thing to do. nitro-cli's own words name the system call
// that failed; these name what a person changes. Checked against nitro-cli 1.5.

export interface NitroCode {
  /** `E00` to `E59`. nitro-cli's exit code is the same number. */
  readonly code: string;
  /** As nitro-cli calls it. */
  readonly name: string;
  readonly cause: string;
  readonly fix: string;
  /** It tells that something else failed before; where another code stands beside it, that one is the cause. */
  readonly isConsequence: boolean;
}

export type NitroCodeRow = readonly [code: string, name: string, cause: string, fix: string, isConsequence?: true];

// What Caisson's own codes come from and what to do, as docs/errors.md has it: asked for by `caisson explain`, and the hint of every error that has none
// of its own.
import { CaissonError } from '@caisson/core/errors';
import { caissonCodesAToK } from './caisson-code-a-to-k.ts';
import { caissonCodesLToZ } from './caisson-code-l-to-z.ts';

export interface CaissonCode {
  /** `SHIM_LOST`. */
  readonly code: string;
  readonly cause: string;
  readonly fix: string;
}

export type CaissonCodeRow = readonly [code: string, cause: string, fix: string];

/** Sorted by code. */
export const CAISSON_CODES: readonly CaissonCode[] = [...caissonCodesAToK, ...caissonCodesLToZ].map(
  ([code, cause, fix]) => ({ code, cause, fix }),
);

const byCode = new Map(CAISSON_CODES.map((one) => [one.code, one]));

// What the kernel, or the resolver, says of a file or a socket. Its own words name the file; these say what a person can change.
const systemFixes: Readonly<Record<string, string>> = {
  EACCES: 'check owner and permissions of the path, or do it as its owner',
  EADDRINUSE: 'end the program that listens there, or choose another address',
  EADDRNOTAVAIL: 'choose an address that this machine has',
  EAI_AGAIN: 'check the resolver and the network',
  ECONNREFUSED: 'nobody listens there: start it, or correct the address',
  ECONNRESET: 'the other end broke off: see its log, and try again',
  EEXIST: 'choose another name, or remove what is there',
  EISDIR: 'name a file: a folder is there',
  EMFILE: 'raise `ulimit -n`',
  ENOENT: 'check the path',
  ENOSPC: 'free space there',
  ENOTDIR: 'check the path: a part of it is no folder',
  ENOTFOUND: 'check the name and the resolver',
  EPERM: 'do it as the owner, or as root where it changes the machine',
  EROFS: 'name a place that can be written',
  ETIMEDOUT: 'check the address and the network',
};

/** `SHIM_LOST`, also in small letters; undefined: Caisson has no such code. */
export function explainCaissonCode(text: string): CaissonCode | undefined {
  return byCode.get(text.toUpperCase());
}

/** What may be tried: the error's own advice, else that of its code; undefined where nobody has any. */
export function hintOfError(error: unknown): string | undefined {
  if (error instanceof CaissonError && error.hint !== undefined && error.hint !== '') return error.hint;
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? hintOfCode(code) : undefined;
}

export function hintOfCode(code: string): string | undefined {
  return byCode.get(code)?.fix ?? (Object.hasOwn(systemFixes, code) ? systemFixes[code] : undefined);
}

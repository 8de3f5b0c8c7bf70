// From a code, or from what nitro-cli printed, to one cause.
import type { NitroCode, NitroCodeRow } from './nitro-code.ts';
import { nitroCommandCodes } from './nitro-command-code.ts';
import { nitroLifeCodes } from './nitro-life-code.ts';
import { nitroResourceCodes } from './nitro-resource-code.ts';

const rows: readonly NitroCodeRow[] = [...nitroCommandCodes, ...nitroResourceCodes, ...nitroLifeCodes];

/** Sorted by code. */
export const NITRO_CODES: readonly NitroCode[] = rows
  .map(([code, name, cause, fix, isConsequence = false]) => ({ code, name, cause, fix, isConsequence }))
  .sort((left, right) => (left.code < right.code ? -1 : 1));

const byCode = new Map(NITRO_CODES.map((one) => [one.code, one]));

// Given: nitro-cli 1.5, `[ E39 ] Enclave process connection failure. ...`.
const printed = /\[ (E[0-9]{2}) \]/g;

/** `E39`, `e39`, `39`; undefined: nitro-cli has no such code. */
export function explainNitroCode(text: string): NitroCode | undefined {
  const digits = /^[eE]?([0-9]{1,2})$/.exec(text)?.[1];
  return digits === undefined ? undefined : byCode.get(`E${digits.padStart(2, '0')}`);
}

/**
 * What failed, where `stderr` has one code or several: one failure shows as a chain, and its last code (mostly E39) only says that there was one.
 * `exitCode` is the code where none was printed. Undefined: neither says.
 */
export function readNitroFailure(stderr: string, exitCode: number | null): NitroCode | undefined {
  const codes = [...stderr.matchAll(printed)]
    .map(([, code = '']) => byCode.get(code))
    .filter((one) => one !== undefined);
  const first = codes.find(({ isConsequence }) => !isConsequence) ?? codes[0];
  return first ?? (exitCode === null || exitCode === 0 ? undefined : explainNitroCode(String(exitCode)));
}

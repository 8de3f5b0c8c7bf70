// The number of a platform configuration register as a branded number.
import { PCR_COUNT } from './constant.ts';

/** 0..31. 0..15 are locked at boot, 16..31 are the enclave's own. */
export type PcrIndex = number & { readonly __brand: 'PcrIndex' };

/** Throws TypeError when `value` names no PCR. */
export function toPcrIndex(value: number): PcrIndex {
  if (!Number.isInteger(value) || value < 0 || value >= PCR_COUNT) {
    throw new TypeError(`PCR index must be an integer in 0..${PCR_COUNT - 1}, got ${value}`);
  }
  return value as PcrIndex;
}

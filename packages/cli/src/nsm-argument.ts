// What people write on the command line for PCRs and byte strings; faults are usage errors that name the option.
import { parseHex } from '@caisson/core/bytes';
import { PCR_COUNT } from '@caisson/core/nitro';
import { UsageError } from './exit-code.ts';

export function parsePcrIndex(text: string): number {
  return integer('PCR index', text, 0, PCR_COUNT - 1);
}

/** `name` is the option as the person wrote it. Decimal digits only: 0x10 and 1e1 are more likely slips than wishes. */
export function integer(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new UsageError(`${name} must be an integer in ${min}..${max}, got ${text}`);
  return value;
}

export function parseHexOption(name: string, text: string, maxBytes: number): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = parseHex(text);
  } catch (cause) {
    throw new UsageError(`${name} must be hex: ${(cause as Error).message}`);
  }
  if (bytes.length > maxBytes) throw new UsageError(`${name} must have at most ${maxBytes} bytes, got ${bytes.length}`);
  return bytes;
}

/** For commander's repeatable `--pcr N=HEX`. */
export function collectPcr(text: string, earlier: Readonly<Record<number, string>>): Record<number, string> {
  const [, key, value] = /^(\d{1,2})=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new UsageError(`--pcr must read N=HEX, got ${text.slice(0, 40)}`);
  const index = parsePcrIndex(key);
  if (earlier[index] !== undefined) throw new UsageError(`--pcr ${index} must be given once, got it twice`);
  return { ...earlier, [index]: value };
}

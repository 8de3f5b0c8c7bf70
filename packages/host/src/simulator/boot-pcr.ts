// What an enclave's PCRs hold when it starts. 0, 1, 2 and 8 are the image's and come from whoever starts it; 3 and 4 follow from
// the parent. Left at zero, 0 to 2 read as an enclave in debug mode, which is what an unmeasured simulation is.
import { parseHex } from '@caisson/core/bytes';
import { ParseError } from '@caisson/core/errors';
import { FIRST_OWN_PCR, PCR_BYTES } from '@caisson/core/nitro';
import type { SimulatorErrorCode } from './error-code.ts';
import { instanceIdOf, measureText } from './module-id.ts';

export interface BootPcrOptions {
  /** Hex of 48 bytes by index 0..15; wins over what would be computed. */
  readonly pcrs?: Readonly<Record<number, string>>;
  readonly moduleId: string;
  /** IAM role of the parent, measured into PCR3. Default: none, PCR3 is zero. */
  readonly roleArn?: string | undefined;
}

/** Throws ParseError SIMULATOR_PCR. */
export function bootPcrs({ pcrs = {}, moduleId, roleArn }: BootPcrOptions): Map<number, Uint8Array> {
  const values = new Map<number, Uint8Array>([[4, measureText(instanceIdOf(moduleId))]]);
  if (roleArn !== undefined) values.set(3, measureText(roleArn));
  for (const [key, hex] of Object.entries(pcrs)) {
    const index = Number(key);
    if (!Number.isInteger(index) || index < 0 || index >= FIRST_OWN_PCR) {
      throw fault(
        `boot PCR must have an index in 0..${FIRST_OWN_PCR - 1}, got ${key}: others are zero when an enclave starts`,
      );
    }
    values.set(index, parseValue(index, hex));
  }
  return values;
}

function parseValue(index: number, hex: string): Uint8Array {
  const digits = PCR_BYTES * 2;
  if (hex.length !== digits) throw fault(`boot PCR ${index} must have ${digits} hex digits, got ${hex.length}`);
  try {
    return parseHex(hex);
  } catch (cause) {
    throw fault(`boot PCR ${index} must be hex`, cause);
  }
}

function fault(message: string, cause?: unknown): ParseError<SimulatorErrorCode> {
  return new ParseError('SIMULATOR_PCR', message, cause === undefined ? {} : { cause });
}

// The code of nitro-cli for an error of this house. Scripts look at the number, so it is never that of another cause: what nitro-cli itself has said is
// passed on, and what has no number of its own is that of the step in which it happened.
import { hintOfError } from '../explain/index.ts';
import { NitroVerbError } from './nitro-verb-error.ts';

// Given: the numbers of nitro-cli 1.5 (docs/explain.md). E00 would be exit code 0.
const codes: Readonly<Record<string, string>> = {
  BACKEND_BOOT: 'E36',
  BACKEND_CID: 'E29',
  BACKEND_IMAGE: 'E35',
  BACKEND_LATE: 'E36',
  BACKEND_UNAVAILABLE: 'E28',
  CLI_CONSOLE: 'E44',
  ENGINE_IMAGE: 'E35',
  ENGINE_NAME: 'E58',
  ENGINE_PROFILE: 'E35',
  IMAGE_FILE: 'E35',
  NITRO_MEASUREMENTS: 'E57',
  RECORD_UNKNOWN: 'E58',
};
const ofBoot = 'E36';
const ofAnythingElse = 'E38';

/** `during` the start of an enclave, or something else. */
export function nitroCodeOf(
  error: { readonly code: string; readonly message: string },
  during: 'start' | 'other' = 'other',
): string {
  if (error instanceof NitroVerbError) return error.nitro;
  const passedOn = /\bnitro-cli [a-z-]+ failed with (E[0-9]{2})\b/.exec(error.message)?.[1];
  if (passedOn !== undefined && passedOn !== 'E00') return passedOn;
  if (error.code === 'BACKEND_CAPACITY') return capacityCode(error.message);
  if (error.code === 'ENOENT' || error.code === 'EACCES' || /\b(ENOENT|EACCES|EISDIR)\b/.test(error.message))
    return 'E19';
  if (error.code.startsWith('EIF_')) return 'E35';
  return codes[error.code] ?? (during === 'start' ? ofBoot : ofAnythingElse);
}

/** Undefined for what is a defect of this program: that is not nitro-cli's business. */
export function asNitroFailure(error: unknown, during: 'start' | 'other' = 'other') {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code === undefined) return undefined;
  const hint = hintOfError(error);
  const nitro = error instanceof NitroVerbError ? error.nitro : nitroCodeOf({ code, message: error.message }, during);
  return { nitro, message: error.message, hint };
}

function capacityCode(message: string): string {
  if (/\bcpus of enclave\b/.test(message)) return 'E21';
  if (/\bcpus\b/.test(message)) return 'E22';
  return /\btimes its image\b/.test(message) ? 'E26' : 'E27';
}

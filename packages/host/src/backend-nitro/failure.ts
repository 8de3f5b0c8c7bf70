// A call that failed, as an error of this house: the code of nitro-cli that came first, its cause, and what to do.
import { CaissonError, LimitError } from '@caisson/core/errors';
import { type BackendErrorCode, BootError } from '../backend/index.ts';
import type { Bounded } from '../child/index.ts';
import { readNitroFailure } from '../explain/index.ts';
import type { NitroCliErrorCode } from './error-code.ts';

const capacity = new Set(['E20', 'E21', 'E22', 'E26', 'E27', 'E31', 'E32', 'E34', 'E42']);
const unavailable = new Set(['E07', 'E18', 'E28', 'E56']);
const longestQuote = 300;

/** `enclave` names the enclave whose start it was. */
export function describeFailure(verb: string, said: Bounded, timeoutMs: number, enclave?: string): CaissonError {
  if (said.cut === 'late') return describeLate(verb, timeoutMs, enclave);
  if (said.cut === 'long') return failed(`nitro-cli ${verb} must print at most 1 MiB, it was ended`, 'run it by hand');
  const found = readNitroFailure(said.stderr, said.exitCode);
  if (found === undefined) {
    const how = said.exitCode === null ? 'was ended by a signal' : `ended with ${said.exitCode}`;
    return failed(`nitro-cli ${verb} ${how} and said: ${quote(said.stderr)}`, 'run it by hand');
  }
  const { code, cause, fix: hint } = found;
  const message = `nitro-cli ${verb} failed with ${code}: ${cause}`;
  if (code === 'E36' && enclave !== undefined) {
    return new BootError(enclave, { end: { kind: 'died', byHost: false } }, '', { said: message, hint });
  }
  if (capacity.has(code)) return new LimitError<BackendErrorCode>('BACKEND_CAPACITY', message, { hint });
  if (unavailable.has(code)) return new CaissonError<BackendErrorCode>('BACKEND_UNAVAILABLE', message, { hint });
  return failed(message, hint);
}

function describeLate(verb: string, timeoutMs: number, enclave: string | undefined): CaissonError {
  const said = `nitro-cli ${verb} did not end, and was ended`;
  const hint = 'give it longer, or start it in the simulation or in QEMU, where its console can be read';
  if (enclave !== undefined) return new BootError(enclave, { lateMs: timeoutMs }, '', { said, hint });
  return new LimitError<NitroCliErrorCode>('NITRO_LATE', `nitro-cli ${verb} must end within ${timeoutMs} ms`, {
    hint: 'look whether nitro-cli answers by hand; the process of an enclave may hang',
  });
}

function failed(message: string, hint: string): CaissonError<NitroCliErrorCode> {
  return new CaissonError('NITRO_FAILED', message, { hint });
}

/** The text is printed on terminals. */
function quote(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return line === '' ? 'nothing' : line.slice(0, longestQuote);
}

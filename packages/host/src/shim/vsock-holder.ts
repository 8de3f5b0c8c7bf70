// Which enclave of this host holds a vsock port. The kernel has no list of vsock listeners, so the records of the running enclaves are asked.
import { CaissonError } from '@caisson/core/errors';
import { ENDED_PHASES, type EnclaveRecord, listRecords } from '../record/index.ts';
import type { ShimErrorCode } from './error-code.ts';

/** Undefined where no other enclave than `own` has it, or where that cannot be known. */
export async function findVsockHolder(state: string, own: string, port: number): Promise<string | undefined> {
  const records = await listRecords(state).catch(() => []);
  return records.find((one) => one.name !== own && holdsVsockPort(one, port))?.name;
}

/** While it runs. */
export function holdsVsockPort({ spec, state }: EnclaveRecord, port: number): boolean {
  if (state === undefined || ENDED_PHASES.includes(state.phase)) return false;
  return spec?.endpoints?.some(({ vsockPort }) => vsockPort === port) ?? false;
}

export function vsockPortFault(
  enclave: string,
  port: number,
  holder: string,
  cause?: unknown,
): CaissonError<ShimErrorCode> {
  return new CaissonError(
    'SHIM_PORT',
    `vsock port ${port} of this host must be free for enclave ${enclave}: enclave ${holder} has it`,
    { cause, hint: `vsock ports of a boot config are one enclave's: give another, or end ${holder}` },
  );
}

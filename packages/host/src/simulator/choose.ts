// Which NSM the host program talks to: CAISSON_NSM=device | sim | unix:PATH, default the device. There is no falling back from
// one to another: a program that wanted hardware and got a simulation would hand out documents that prove nothing.
import { CaissonError } from '@caisson/core/errors';
import { openNsmSocket } from '@caisson/link/nsm';
import type { Kernel, NsmDevice } from '@caisson/sys';
import { createSimulatedAuthority } from './authority.ts';
import { createSimulatedNsm } from './device.ts';
import type { SimulatorErrorCode } from './error-code.ts';

const choices =
  'CAISSON_NSM=device (inside an enclave), CAISSON_NSM=sim (a simulation of this process only) or CAISSON_NSM=unix:PATH';
const socketForm = /^unix:(.+)$/s;

/** The caller closes it. Throws CaissonError SIMULATOR_NSM_CHOICE or SIMULATOR_NSM_ABSENT. */
export async function openNsmFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  kernel: Kernel,
): Promise<NsmDevice> {
  const choice = environment['CAISSON_NSM'] ?? 'device';
  if (choice === 'sim') return createSimulatedNsm({ authority: await createSimulatedAuthority() });
  if (choice === 'device') return kernel.openNsm().catch((cause) => absent('NSM device /dev/nsm', cause));
  const path = socketForm.exec(choice)?.[1];
  if (path !== undefined) return openNsmSocket(path).catch((cause) => absent(`NSM socket ${path}`, cause));
  const got = JSON.stringify(choice.slice(0, 60));
  throw fault('SIMULATOR_NSM_CHOICE', `CAISSON_NSM must be device, sim or unix:PATH, got ${got}`);
}

function absent(what: string, cause: unknown): never {
  throw fault(
    'SIMULATOR_NSM_ABSENT',
    `${what} must be there, got ${cause instanceof Error ? cause.message : cause}`,
    cause,
  );
}

function fault(code: SimulatorErrorCode, message: string, cause?: unknown): CaissonError<SimulatorErrorCode> {
  return new CaissonError(code, message, { ...(cause !== undefined && { cause }), hint: `set ${choices}` });
}

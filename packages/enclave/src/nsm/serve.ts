// /run/nsm.sock: the NSM for everybody in the enclave but the supervisor, who owns the device (docs/wire/nsm.md).
import { chmod } from 'node:fs/promises';
import { CaissonError } from '@caisson/core/errors';
import { createNsmClient, FIRST_OWN_PCR } from '@caisson/core/nitro';
import { type PathServer, serveNsmSocket } from '@caisson/link/nsm';
import type { Kernel, NsmDevice } from '@caisson/sys';
import { type AdmissionOptions, createAdmission } from './admission.ts';
import { createGuardedNsm } from './guard.ts';
import { createNsmRate, type NsmRate } from './rate.ts';

export interface SupervisorNsmOptions extends AdmissionOptions {
  /** The supervisor's own; not closed with the server. */
  readonly device: NsmDevice;
  /** Default /run/nsm.sock. */
  readonly path?: string;
  readonly rate?: NsmRate;
}

export const SUPERVISOR_NSM_ERROR_CODES = ['NSM_DOCUMENT_REQUEST', 'NSM_SERVED_TOO_EARLY'] as const;
export type SupervisorNsmErrorCode = (typeof SUPERVISOR_NSM_ERROR_CODES)[number];

// Given: docs/wire/nsm.md.
const defaultPath = '/run/nsm.sock';
const devicePath = '/dev/nsm';
// Chosen: whoever may connect is not the file's mode to say, for services run under many users; the kernel says who they are.
export const socketMode = 0o666;

/** The device for the supervisor alone: its mode is taken from everybody else before it is opened. */
export async function openOwnNsm(kernel: Pick<Kernel, 'openNsm'>, path = devicePath): Promise<NsmDevice> {
  // devtmpfs makes it 0666 (drivers/misc/nsm.c), and any service could then ask for documents with our own prefix.
  await chmod(path, 0o600);
  return await kernel.openNsm(path);
}

/**
 * Rejects with CaissonError NSM_SERVED_TOO_EARLY while PCR16 is free: until then no document may leave the supervisor. And with what
 * serveNsmSocket rejects.
 */
export async function serveSupervisorNsm(options: SupervisorNsmOptions): Promise<PathServer> {
  const { device, path = defaultPath, onRefusal, rate = createNsmRate() } = options;
  await verifyConfigFixed(device, path);
  const admit = createAdmission(options);
  return await serveNsmSocket({
    path,
    mode: socketMode,
    device(socket) {
      const caller = admit(socket);
      return caller && createGuardedNsm({ device, caller, rate, onRefusal });
    },
  });
}

/** Rejects with CaissonError NSM_SERVED_TOO_EARLY. */
export async function verifyConfigFixed(device: NsmDevice, path: string): Promise<void> {
  const { lock } = await createNsmClient(device).describePcr(FIRST_OWN_PCR);
  if (lock) return;
  const message = `nsm socket ${path} must be opened when PCR${FIRST_OWN_PCR} is locked, got it free`;
  throw new CaissonError<SupervisorNsmErrorCode>('NSM_SERVED_TOO_EARLY', message);
}

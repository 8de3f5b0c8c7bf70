// Versions of kernels, and the oldest that may be built: the driver of the NSM came with 6.8.
import { PolicyError } from '@caisson/core/errors';
import type { KernelErrorCode } from './error-code.ts';

// Given: drivers/misc/nsm.c, merged for Linux 6.8.
const firstWithNsm = [6, 8] as const;

/** True when the kernel's own source has the NSM driver. */
export function hasNsmDriver(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > firstWithNsm[0] || (major === firstWithNsm[0] && minor >= firstWithNsm[1]);
}

/** Throws PolicyError KERNEL_VERSION. */
export function verifyBuildable(version: string): void {
  if (hasNsmDriver(version)) return;
  throw new PolicyError<KernelErrorCode>(
    'KERNEL_VERSION',
    `kernel source must be ${firstWithNsm.join('.')} or later, got ${version}`,
    { hint: 'older kernels have no NSM driver, so nothing in such an enclave could be attested' },
  );
}

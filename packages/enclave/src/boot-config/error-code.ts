// Why a boot ends in phase `config` or before it. Each carries the reason code that the ready line shows, which is all that leaves the enclave.
import { CaissonError, type CaissonErrorOptions } from '@caisson/core/errors';
import type { ReasonCode } from '@caisson/link/ready';

export const BOOT_CONFIG_ERROR_CODES = [
  'BOOT_CONFIG_TIMEOUT',
  'BOOT_CONFIG_PCR16',
  'BOOT_CONFIG_KEPT',
  'BOOT_NSM',
  'BOOT_CLOCK',
  'BOOT_MEASUREMENT',
  'BOOT_DEVELOPMENT_ON_HARDWARE',
] as const;
export type BootConfigErrorCode = (typeof BOOT_CONFIG_ERROR_CODES)[number];

/** The boot must end; no service and no control may start. */
export class BootRefusal extends CaissonError<BootConfigErrorCode> {
  readonly reason: ReasonCode;

  constructor(code: BootConfigErrorCode, reason: ReasonCode, message: string, options: CaissonErrorOptions = {}) {
    super(code, message, { safe: reason, ...options });
    this.reason = reason;
  }
}

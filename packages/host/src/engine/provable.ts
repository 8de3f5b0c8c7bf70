// Refuses to ask an enclave for a proof that it cannot give, as far as this host knows. It only refuses: nothing in a record makes an enclave
// trusted.
import { CaissonError, VerificationError } from '@caisson/core/errors';
import type { EnclaveRecord } from '../record/index.ts';
import type { EngineErrorCode } from './error-code.ts';

/** Throws CaissonError ENGINE_IMAGE for an image that cannot be asked; VerificationError ENGINE_PCR in debug mode, ENGINE_UNSIGNED for a mock NSM. */
export function verifyProvable({ spec, state }: Pick<EnclaveRecord, 'spec' | 'state'>): void {
  if (spec === undefined) return;
  const { name, backend, debug, hasControl } = spec;
  if (!hasControl) {
    throw new CaissonError<EngineErrorCode>(
      'ENGINE_IMAGE',
      `image of enclave ${name} must have a control channel to be asked, got none`,
      { hint: 'operators in caisson.yaml give it one; or ask the application itself, and caisson attest verify FILE' },
    );
  }
  if (debug) {
    throw new VerificationError<EngineErrorCode>(
      'ENGINE_PCR',
      `enclave ${name} must not be in debug mode to prove anything, got debug`,
      {
        hint: 'its registers PCR0 to PCR2 are zeros whatever was built, and no verifier takes its documents; start it without debug',
      },
    );
  }
  if (state?.documents?.kind !== 'unsigned') return;
  throw new VerificationError<EngineErrorCode>(
    'ENGINE_UNSIGNED',
    `documents of enclave ${name} (${backend}) must be signed to prove anything, got those of a mock NSM, which nobody signs`,
    { hint: 'docs/qemu.md names the QEMU that signs them, under a root made here' },
  );
}

// The image that was asked for and no other, whenever the file under its path was changed (P-G3): compared where it is measured for this very start.
import { VerificationError } from '@caisson/core/errors';
import type { ImageMeasurements } from '../image/index.ts';
import type { EnclaveSpec } from './backend.ts';
import type { BackendErrorCode } from './error-code.ts';

/** Throws VerificationError BACKEND_MEASUREMENTS with the first register that differs. */
export function requireMeasurements({ name, image, measurements }: EnclaveSpec, got: ImageMeasurements): void {
  if (measurements === undefined) return;
  for (const register of ['PCR0', 'PCR1', 'PCR2', 'PCR8'] as const) {
    if (measurements[register] === got[register]) continue;
    const [wanted = 'nothing', found = 'nothing'] = [measurements[register], got[register]];
    throw new VerificationError<BackendErrorCode>(
      'BACKEND_MEASUREMENTS',
      `${register} of image ${image} must be ${wanted}, as enclave ${name} was asked for, got ${found}`,
      { hint: 'the file was changed since; caisson up asks for what it is now' },
    );
  }
}

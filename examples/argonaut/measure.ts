// PCR values for the simulated NSM, computed the way an enclave image is measured (AWS image-format: PCR = SHA-384 of 48 zero
// bytes and the SHA-384 of the parts): 0 everything, 1 the program, 2 the application.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** PCR0, PCR1, PCR2 in hex. */
export function measureFiles(parts: { program: readonly string[]; application: readonly string[] }): string[] {
  return [[...parts.program, ...parts.application], parts.program, parts.application].map((files) => {
    const content = createHash('sha384');
    for (const file of files) content.update(readFileSync(file));
    return createHash('sha384').update(new Uint8Array(48)).update(content.digest()).digest('hex');
  });
}

// The NSM as a service inside has it: the supervisor's socket, by the name that stands in its environment.
import { type AttestationFields, createNsmClient } from '@caisson/core/nitro';
import { openNsmSocket } from '@caisson/link/nsm';

/** A document with the service's own words. */
export async function askForDocument(fields: AttestationFields): Promise<Uint8Array> {
  const device = await openNsmSocket((process.env['CAISSON_NSM'] ?? '').replace(/^unix:/, ''));
  try {
    return await createNsmClient(device).attestation(fields);
  } finally {
    await device.close();
  }
}

// One NSM for the length of one command.
import { createNsmClient, type NsmClient } from '@caisson/core/nitro';
import type { Surroundings } from './surroundings.ts';

/** Opens what CAISSON_NSM names, hands it to `use`, and closes it whatever happens. */
export async function withNsm<Result>(
  { env, stderr }: Pick<Surroundings, 'env' | 'stderr'>,
  use: (nsm: NsmClient) => Promise<Result>,
): Promise<Result> {
  const { createLinuxKernel } = await import('@caisson/sys');
  const { openNsmFromEnvironment } = await import('@caisson/host/simulator');
  if (env['CAISSON_NSM'] === 'sim') {
    stderr.write('SIMULATED: this NSM lives for this command only and proves nothing\n');
  }
  const device = await openNsmFromEnvironment(env, createLinuxKernel());
  try {
    return await use(createNsmClient(device));
  } finally {
    await device.close();
  }
}

// A parent machine whose nitro-cli starts real enclaves in the simulator: everything behind the wall is as built, the documents bear a root made here.
import { join } from 'node:path';
import { openRunFolder } from '@caisson/host/backend';
import { createSimulatedAuthority } from '@caisson/host/simulator';
import { createFakeNitro, type FakeNitro } from './fake.ts';

export interface SimulatedNitro extends FakeNitro {
  /** What stands for AF_VSOCK, as CAISSON_VSOCK has it. */
  readonly vsock: string;
  /** Of the documents; hardware's is another. */
  readonly rootPem: string;
  /** The same in a file. */
  readonly rootFile: string;
}

/** `folder`: short, because sockets lie in it. */
export async function createSimulatedNitro(folder: string): Promise<SimulatedNitro> {
  const state = join(folder, 'sim');
  const { fabric } = await openRunFolder(state);
  // As the simulator keeps it.
  const authority = join(state, 'sim-authority');
  const { rootPem } = await createSimulatedAuthority({ state: authority });
  const fake = createFakeNitro(folder, {}, { isSimulated: true });
  return { ...fake, vsock: `fabric:${fabric}`, rootPem, rootFile: join(authority, 'root.pem') };
}

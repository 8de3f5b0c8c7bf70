// `describe-enclaves`: the list as nitro-cli prints it; with metadata, what the image files say of themselves.
import { describeAsNitroCli, inspectImage, openImageFile } from '../image/index.ts';
import { listEnclaves, type NitroVerbWorld } from './list.ts';
import type { ListedEnclave, NitroEnclave } from './nitro-enclave.ts';

export async function describeEnclaves(
  world: NitroVerbWorld,
  { metadata }: { readonly metadata: boolean },
): Promise<readonly NitroEnclave[]> {
  const all = await listEnclaves(world);
  const simulated = all.filter(({ record }) => record?.spec !== undefined && record.spec.backend !== 'nitro');
  if (simulated.length > 0)
    world.say(`SIMULATED: ${simulated.map(({ facts }) => facts.EnclaveName).join(', ')} on no hardware`);
  if (!metadata) return all.map(({ facts }) => facts);
  return await Promise.all(all.map((one) => withMetadata(one, world)));
}

/** The file may be gone or another one by now: what measures otherwise says nothing of this enclave. */
async function withMetadata({ record, facts }: ListedEnclave, { say }: NitroVerbWorld): Promise<NitroEnclave> {
  if (record?.spec === undefined) return facts;
  const { image, measurements } = record.spec;
  try {
    const file = await openImageFile(image);
    try {
      const { ImageName, ImageVersion, Metadata, Measurements } = describeAsNitroCli(await inspectImage(file));
      const { PCR0 } = Measurements as { readonly PCR0?: string };
      if (PCR0 === measurements.PCR0) return { ...facts, ImageName, ImageVersion, Metadata };
      say(`no metadata of ${facts.EnclaveName}: ${image} is another image by now`);
    } finally {
      await file.close();
    }
  } catch (error) {
    say(`no metadata of ${facts.EnclaveName}: ${(error as Error).message}`);
  }
  return facts;
}

// What the commands of the local store share.
import type { ImageStore, StoredImage } from '@caisson/host/store';
import type { Surroundings } from './surroundings.ts';

export async function openStore({ env }: Pick<Surroundings, 'env'>): Promise<ImageStore> {
  const { imageStoreFolder, openImageStore } = await import('@caisson/host/store');
  return await openImageStore(imageStoreFolder(env));
}

/** One image of a --json document. */
export function imageFacts({
  id,
  tags,
  size,
  architecture,
  imageName,
  imageVersion,
  built,
  ...pcrs
}: StoredImage): object {
  return { id, tags, size, architecture, imageName, imageVersion, built, ...pcrs };
}

export function shortId(id: string): string {
  return id.slice(0, 12);
}

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

/** `12.3 MiB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let [value, unit] = [bytes, 0];
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

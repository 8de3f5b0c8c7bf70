// What the image commands share: an image by its path or by its name in the local store, opened for one action and closed after it,
// and the moment for a certificate's dates.
import { existsSync } from 'node:fs';
import type { ImageFile } from '@caisson/host/image';
import { UsageError } from './exit-code.ts';
import type { Surroundings } from './surroundings.ts';

/** The path of an image that is named as people name it: a file, else NAME:VERSION in the store. A name that is also a file is the file. */
export async function resolveImage(text: string, { env }: Pick<Surroundings, 'env'>): Promise<string> {
  const { imageStoreFolder, isImageTag, openImageStore } = await import('@caisson/host/store');
  const folder = imageStoreFolder(env);
  // A question about an image must not create the store.
  if (existsSync(text) || !isImageTag(text) || !existsSync(folder)) return text;
  return (await (await openImageStore(folder)).open(text)).path;
}

export async function withImage<Result>(
  text: string,
  run: (file: ImageFile) => Promise<Result>,
  surroundings: Pick<Surroundings, 'env'>,
): Promise<Result> {
  const { openImageFile } = await import('@caisson/host/image');
  const file = await openImageFile(await resolveImage(text, surroundings));
  try {
    return await run(file);
  } finally {
    await file.close();
  }
}

/** Unix seconds; now unless given. */
export function parseMoment(text: string | undefined): number {
  if (text === undefined) return Math.floor(Date.now() / 1000);
  // The last second of the year 9999, after which no certificate can be dated.
  if (/^\d{1,12}$/.test(text) && Number(text) <= 253_402_300_799) return Number(text);
  throw new UsageError(`--at must be unix seconds in 0..253402300799, got ${text}`);
}

// What the image commands share: an image opened for one action and closed after it, and the moment for a certificate's dates.
import type { ImageFile } from '@caisson/host/image';
import { UsageError } from './exit-code.ts';

export async function withImage<Result>(path: string, run: (file: ImageFile) => Promise<Result>): Promise<Result> {
  const { openImageFile } = await import('@caisson/host/image');
  const file = await openImageFile(path);
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

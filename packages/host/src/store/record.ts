// What is kept beside an image so that a list of images does not read them all.
import { ParseError } from '@caisson/core/errors';
import { type ImageMeasurements, inspectImage, openImageFile } from '../image/index.ts';
import type { StoreErrorCode } from './error-code.ts';

export interface ImageRecord extends ImageMeasurements {
  /** Bytes. */
  readonly size: number;
  readonly architecture: string;
  /** ImageName, ImageVersion and BuildTime of the image's metadata; null where it has none. */
  readonly imageName: string | null;
  readonly imageVersion: string | null;
  readonly built: string | null;
}

export async function formatRecord(path: string, measurements: ImageMeasurements): Promise<string> {
  const file = await openImageFile(path);
  try {
    const { survey } = await inspectImage(file, 0);
    const { ImageName, ImageVersion, BuildMetadata } = survey.metadata ?? {};
    const record: ImageRecord & { v: 1 } = {
      v: 1,
      ...measurements,
      size: file.size,
      architecture: survey.header.architecture,
      imageName: text(ImageName),
      imageVersion: text(ImageVersion),
      built: text((BuildMetadata as { BuildTime?: unknown } | undefined)?.BuildTime),
    };
    return `${JSON.stringify(record)}\n`;
  } finally {
    await file.close();
  }
}

/** Throws ParseError STORE_DAMAGED. */
export function parseRecord(bytes: string, id: string): ImageRecord {
  try {
    const { v, ...record } = JSON.parse(bytes) as ImageRecord & { v: unknown };
    if (v === 1 && /^[0-9a-f]{96}$/.test(record.PCR0) && Number.isSafeInteger(record.size)) return record;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw new ParseError<StoreErrorCode>(
    'STORE_DAMAGED',
    `record of image ${id} must be one that this program wrote, got something else`,
  );
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

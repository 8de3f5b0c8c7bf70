// A ramdisk of an image as a stream of entries: a cpio archive as it stands, or in gzip. The other compressors of the kernel are
// named, not opened: each would be a decoder of bytes that a stranger wrote.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type StreamedCpioEntry, streamCpio } from '@caisson/core/cpio';
import type { SurveyedSection } from '@caisson/core/eif';
import { CaissonError, ParseError, PolicyError } from '@caisson/core/errors';
import type { ImageErrorCode } from './error-code.ts';
import type { ImageFile } from './image-file.ts';

/** Of its data in the file. */
export type RamdiskPlace = Pick<SurveyedSection, 'offset' | 'size'>;
export type RamdiskForm = 'cpio' | 'gzip' | 'xz' | 'zstd' | 'lz4' | 'lzma' | 'bzip2' | 'lzo' | 'unknown';

// Given: lib/decompress.c of Linux, and the magic of newc.
const magics: readonly (readonly [form: RamdiskForm, hex: string])[] = [
  ['cpio', '303730373031'],
  ['gzip', '1f8b'],
  ['xz', 'fd377a585a00'],
  ['zstd', '28b52ffd'],
  ['lz4', '02214c18'],
  ['lzma', '5d0000'],
  ['bzip2', '425a68'],
  ['lzo', '894c5a4f'],
];
// Chosen: what gzip may become. An enclave has its image in memory, and few have more.
const maxUnpackedBytes = 2 ** 36;

export async function readRamdiskForm(file: ImageFile, { offset, size }: RamdiskPlace): Promise<RamdiskForm> {
  const head = Buffer.from(await file.read(offset, Math.min(6, size))).toString('hex');
  return magics.find(([, magic]) => head.startsWith(magic))?.[0] ?? 'unknown';
}

/** True for the forms that `openRamdisk` opens. */
export function isReadable(form: RamdiskForm): boolean {
  return form === 'cpio' || form === 'gzip';
}

/** Throws PolicyError IMAGE_RAMDISK for a form that is not read; ParseError IMAGE_RAMDISK; what `streamCpio` throws. */
export async function* openRamdisk(
  file: ImageFile,
  section: RamdiskPlace,
): AsyncGenerator<StreamedCpioEntry, void, undefined> {
  const form = await readRamdiskForm(file, section);
  const pieces = file.pieces(section.offset, section.size);
  if (form === 'cpio') yield* streamCpio(pieces);
  else if (form === 'gzip') yield* unzipped(pieces);
  else {
    throw new PolicyError<ImageErrorCode>(
      'IMAGE_RAMDISK',
      `ramdisk at offset ${section.offset} must be cpio, plain or in gzip, got ${form}`,
    );
  }
}

async function* unzipped(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<StreamedCpioEntry, void, undefined> {
  const gunzip = createGunzip();
  // The stream itself reports the failure; this only keeps the promise from being unhandled.
  const fed = pipeline(Readable.from(pieces), gunzip).catch(() => undefined);
  try {
    yield* streamCpio(gunzip as AsyncIterable<Uint8Array>, { maxBytes: maxUnpackedBytes });
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ParseError<ImageErrorCode>('IMAGE_RAMDISK', `ramdisk must be sound gzip: ${why}`, { cause });
  } finally {
    gunzip.destroy();
    await fed;
  }
}

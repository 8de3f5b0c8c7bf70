// A layer as plain tar: gzip and zstd told by their first bytes, as engines do; everything else is taken for tar and has to be one.
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { CaissonError, ParseError } from '@caisson/core/errors';
import type { OciErrorCode } from './error-code.ts';
import type { FileRange } from './pinned-file.ts';

export type Compression = 'plain' | 'gzip' | 'zstd';

// Given: RFC 1952 and RFC 8878; zstd's skippable frames may come first.
const magics: readonly (readonly [form: Compression | 'other', hex: RegExp, name?: string])[] = [
  ['gzip', /^1f8b/],
  ['zstd', /^28b52ffd|^5.2a4d18/],
  ['other', /^425a68/, 'bzip2'],
  ['other', /^fd377a58/, 'xz'],
];

const skippableMagic = 0x0184d2a5;
// Chosen.
const encodedBytes = 65_536;
const decodedBytes = 262_144;

/** Throws ParseError OCI_LAYER for a compression that is not read. */
export async function compressionOf({ file, offset, size }: FileRange, what: string): Promise<Compression> {
  let head = '';
  for await (const piece of file.pieces(offset, Math.min(size, 4))) head += Buffer.from(piece).toString('hex');
  const [form, , name] = magics.find(([, magic]) => magic.test(head)) ?? ['plain'];
  if (form !== 'other') return form as Compression;
  throw new ParseError<OciErrorCode>('OCI_LAYER', `${what} must be tar, plain or in gzip or zstd, got ${name}`);
}

/** Throws ParseError OCI_LAYER for bytes that are not sound. */
export async function* unpacked(
  range: FileRange,
  compression: Compression,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (compression === 'plain') yield* range.file.pieces(range.offset, range.size);
  else if (compression === 'gzip') yield* decoded(range, createGunzip({ chunkSize: decodedBytes }), compression, what);
  else yield* unpackedFrames(range, what);
}

/**
 * zstd ends at the end of a frame and says nothing of what follows. Layers that are made to be fetched in parts have a frame for each file,
 * with frames between them that a decoder has to skip (RFC 8878 section 3.1.2).
 */
async function* unpackedFrames(
  { file, offset, size }: FileRange,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < size; ) {
    const head = Buffer.alloc(8);
    for await (const piece of file.pieces(offset + at, Math.min(8, size - at))) head.set(piece);
    if (head.readUInt32LE(0) >>> 4 === skippableMagic) {
      at += 8 + head.readUInt32LE(4);
      if (at > size) throw unsound(what, 'zstd', 'a frame to skip goes past the end');
      continue;
    }
    const decoder = createZstdDecompress({ chunkSize: decodedBytes });
    yield* decoded({ file, offset: offset + at, size: size - at }, decoder, 'zstd', what);
    if (decoder.bytesWritten === 0) throw unsound(what, 'zstd', 'a frame is empty');
    at += decoder.bytesWritten;
  }
}

async function* decoded(
  { file, offset, size }: FileRange,
  decoder: Transform,
  compression: Compression,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  // The stream itself reports the failure; this only keeps the promise from being unhandled.
  const fed = pipeline(Readable.from(parts(file, offset, size)), decoder).catch(() => undefined);
  try {
    yield* decoder as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw unsound(what, compression, cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    decoder.destroy();
    await fed;
  }
}

/** Small ones: what a decoder was given beyond its frame is read once more for the next. */
async function* parts(file: FileRange['file'], offset: number, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += encodedBytes) yield* file.pieces(offset + at, Math.min(encodedBytes, size - at));
}

function unsound(what: string, compression: Compression, why: string, cause?: unknown): ParseError<OciErrorCode> {
  return new ParseError('OCI_LAYER', `${what} must be sound ${compression}: ${why}`, {
    ...(cause !== undefined && { cause }),
  });
}

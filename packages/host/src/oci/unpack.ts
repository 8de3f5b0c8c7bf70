// A layer as plain tar: gzip and zstd told by their first bytes, as engines do; everything else is taken for tar and has to be one.
import { Readable } from 'node:stream';
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
  { file, offset, size }: FileRange,
  compression: Compression,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (compression === 'plain') {
    yield* file.pieces(offset, size);
    return;
  }
  const decoder =
    compression === 'gzip' ? createGunzip({ chunkSize: 262_144 }) : createZstdDecompress({ chunkSize: 262_144 });
  // Its failure is told by the stream itself; the promise only has to be heard.
  const fed = pipeline(Readable.from(file.pieces(offset, size)), decoder).catch(() => undefined);
  try {
    yield* decoder as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ParseError<OciErrorCode>('OCI_LAYER', `${what} must be sound ${compression}: ${why}`, { cause });
  } finally {
    decoder.destroy();
    await fed;
  }
}

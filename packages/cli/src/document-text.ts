// An attestation document as people hand it over: the bytes themselves, or hex or base64 text of them. Which one is seen, not asked:
// a document's first byte is above 7f, so no document is text.
import type { Readable } from 'node:stream';
import type { BytesErrorCode } from '@caisson/core/bytes';
import { parseBase64, parseHex } from '@caisson/core/bytes';
import { ParseError } from '@caisson/core/errors';

export interface GivenDocument {
  readonly bytes: Uint8Array;
  readonly form: 'binary' | 'hex' | 'base64';
}

// Chosen: a document has at most 16,896 bytes; hex with line breaks takes a little over twice that.
const maxInputBytes = 65_536;

/** `-` is standard input. Throws errors of the ARGONAUT (reading) and BYTES (text that is neither) rooms. */
export async function readDocument(file: string, stdin: Readable): Promise<GivenDocument> {
  const { readBoundedFile, readBoundedStream } = await import('@caisson/link/argonaut');
  const bound = { maxBytes: maxInputBytes, what: file === '-' ? 'standard input' : `document ${file}` };
  return parseGivenDocument(await (file === '-' ? readBoundedStream(stdin, bound) : readBoundedFile(file, bound)));
}

function parseGivenDocument(bytes: Uint8Array): GivenDocument {
  if (bytes.length === 0 || bytes.some((byte) => byte > 0x7e || (byte < 0x20 && !isSpace(byte)))) {
    return { bytes, form: 'binary' };
  }
  const text = new TextDecoder().decode(bytes).replace(/\s+/g, '');
  if (/^[0-9a-fA-F]+$/.test(text)) return { bytes: parseHex(text), form: 'hex' };
  try {
    return { bytes: parseBase64(text), form: 'base64' };
  } catch (cause) {
    throw new ParseError<BytesErrorCode>('BYTES_BASE64', 'document must be binary, hex or base64, got other text', {
      cause,
    });
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

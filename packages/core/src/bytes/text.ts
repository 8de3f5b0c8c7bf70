// Text forms of bytes: hex, base64 (RFC 4648), UTF-8. Strict where outsiders write them.
import { ParseError } from '../errors/index.ts';

export const BYTES_ERROR_CODES = ['BYTES_HEX', 'BYTES_BASE64', 'BYTES_UTF8'] as const;
export type BytesErrorCode = (typeof BYTES_ERROR_CODES)[number];

const hexPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Lower case, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += hexPairs[byte];
  return text;
}

/** Digits in any case, an even number of them and nothing else. Throws ParseError BYTES_HEX. */
export function parseHex(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 2 !== 0) throw new ParseError('BYTES_HEX', `hex text must have an even length, got ${text.length}`);
  const stray = text.search(/[^0-9a-fA-F]/);
  if (stray >= 0) throw new ParseError('BYTES_HEX', `hex text has another character at offset ${stray}`);
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = Number.parseInt(text.slice(index * 2, index * 2 + 2), 16);
  }
  return bytes;
}

/** Standard alphabet with padding. */
export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let offset = 0; offset < bytes.length; offset += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(offset, offset + 0x8000));
  }
  return btoa(binary);
}

/** Standard alphabet, padding required, no white space. Throws ParseError BYTES_BASE64. */
export function parseBase64(text: string): Uint8Array<ArrayBuffer> {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) {
    throw new ParseError('BYTES_BASE64', `base64 text of ${text.length} characters is not canonical base64`);
  }
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function toUtf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** Refuses what is not UTF-8 instead of replacing it. Throws ParseError BYTES_UTF8. */
export function utf8Text(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new ParseError('BYTES_UTF8', `${bytes.length} bytes are not valid UTF-8`, { cause });
  }
}

// PEM (RFC 7468): one block of one label, nothing before, between or after that a reader could take for another certificate.
import { parseBase64, toBase64 } from '../bytes/index.ts';
import { ParseError } from '../errors/index.ts';
import type { X509ErrorCode } from './error-code.ts';

/** DER in the strict form of RFC 7468 section 3: lines of 64 characters, a newline at the end. */
export function toPem(label: string, der: Uint8Array): string {
  const lines = toBase64(der).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** The DER of the only block in `text`, which must carry `label`. Throws ParseError X509_PEM. */
export function parsePem(label: string, text: string): Uint8Array<ArrayBuffer> {
  const block = /^\s*-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END ([A-Z0-9 ]+)-----\s*$/.exec(text);
  const [, begin, body = '', end] = block ?? [];
  if (begin !== label || end !== label) {
    const got = block === null ? `${text.length} characters of something else` : `${begin} to ${end}`;
    throw new ParseError<X509ErrorCode>('X509_PEM', `PEM text must be exactly one ${label} block, got ${got}`);
  }
  try {
    return parseBase64(body.replace(/[\r\n]/g, ''));
  } catch (cause) {
    throw new ParseError<X509ErrorCode>('X509_PEM', `PEM block ${label} must hold base64`, { cause });
  }
}

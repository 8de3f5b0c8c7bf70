// Bytes of a service as text that cannot drive a terminal, end a line or hide in one.
import { plain } from '@caisson/core/log';

// Text that is passed on unchanged. Tabs are: traces of Go and Java use them, and they only move to the right.
const harmless = /^[\t\x20-\x7e]*$/;

/** What is no UTF-8 becomes U+FFFD; controls, format characters and the like become escapes. */
export function toUtf8Text(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('latin1', start, end);
  return harmless.test(text) ? text : toSafeText(bytes.toString('utf8', start, end));
}

export function toSafeText(text: string): string {
  return text.split('\t').map(plain).join('\t');
}

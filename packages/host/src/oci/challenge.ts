// What a registry asks for: WWW-Authenticate in its two forms (RFC 9110 section 11.6.1; distribution, spec/auth/token.md). The scope is
// never taken from it: what we ask a token for is ours to say.
import { ParseError } from '@caisson/core/errors';
import type { OciErrorCode } from './error-code.ts';

export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service?: string };

// Chosen.
const maxHeaderBytes = 8_192;
// Given: token, quoted-string.
const parameter = /([A-Za-z_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/y;

/** Bearer where both are offered. Throws ParseError OCI_AUTH. */
export function parseChallenge(header: string, what: string): Challenge {
  if (header.length > maxHeaderBytes)
    throw fault(`${what}: WWW-Authenticate must have at most ${maxHeaderBytes} bytes`);
  const schemes = new Map<string, Map<string, string>>();
  let at = 0;
  let current: Map<string, string> | undefined;
  while (at < header.length) {
    const blank = /[\s,]+/y;
    blank.lastIndex = at;
    at += blank.exec(header)?.[0].length ?? 0;
    if (at >= header.length) break;
    parameter.lastIndex = at;
    const found = parameter.exec(header);
    if (found !== null && current !== undefined) {
      const [text, key = '', quoted, plain = ''] = found;
      current.set(key.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain);
      at += text.length;
      continue;
    }
    const scheme = /[A-Za-z][A-Za-z0-9-]*(?=\s|,|$)/y;
    scheme.lastIndex = at;
    const name = scheme.exec(header)?.[0];
    if (name === undefined) throw fault(`${what}: WWW-Authenticate is not of its form at character ${at}`);
    current = new Map();
    schemes.set(name.toLowerCase(), current);
    at += name.length;
  }
  const bearer = schemes.get('bearer');
  const realm = bearer?.get('realm');
  if (realm !== undefined) {
    const service = bearer?.get('service');
    return { scheme: 'bearer', realm, ...(service !== undefined && { service }) };
  }
  if (schemes.has('basic')) return { scheme: 'basic' };
  throw fault(
    `${what} must ask for Bearer with a realm or for Basic, got ${[...schemes.keys()].join(', ') || 'nothing'}`,
  );
}

function fault(message: string): ParseError<OciErrorCode> {
  return new ParseError('OCI_AUTH', message);
}

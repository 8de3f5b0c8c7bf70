// What a service may ask for on the attest socket (docs/wire/attest-socket.md), read strictly: a field that is misspelt must not be a
// document without it.
import { parseHex } from '@caisson/core/bytes';
import { describeJson, type JsonObject, type JsonValue } from '@caisson/core/config';
import { ParseError } from '@caisson/core/errors';
import type { AttestationFields } from '@caisson/core/nitro';
import type { SupervisorNsmErrorCode } from './serve.ts';
import { WEB_PURPOSE } from './web-claims.ts';

export type DocumentRequest =
  /** For a client on the web: the supervisor writes user_data. */
  | { readonly kind: 'web'; readonly nonce: Uint8Array; readonly tlsKeySha256: Uint8Array | null }
  /** The service's own words, which may not begin as ours do. */
  | { readonly kind: 'own'; readonly fields: AttestationFields };

// Given: docs/wire/attest-socket.md.
const nonceBytes = { least: 16, most: 64 };
const keyHashBytes = 32;

/** Throws ParseError NSM_DOCUMENT_REQUEST. */
export function parseDocumentRequest(request: JsonObject): DocumentRequest {
  const purpose = request.get('purpose');
  if (purpose === undefined) {
    requireKeys(request, ['nonce', 'publicKey', 'userData']);
    const field = (name: string): Uint8Array | null => bytesOf(request.get(name), name);
    return {
      kind: 'own',
      fields: { nonce: field('nonce'), publicKey: field('publicKey'), userData: field('userData') },
    };
  }
  if (purpose !== WEB_PURPOSE) throw fault('purpose', JSON.stringify(WEB_PURPOSE), describeJson(purpose));
  requireKeys(request, ['purpose', 'nonce', 'tlsKeySha256']);
  const nonce = bytesOf(request.get('nonce'), 'nonce');
  const { least, most } = nonceBytes;
  if (nonce === null || nonce.length < least || nonce.length > most) {
    throw fault('nonce', `${least} to ${most} bytes`, nonce === null ? 'none' : String(nonce.length));
  }
  const tlsKeySha256 = bytesOf(request.get('tlsKeySha256'), 'tlsKeySha256');
  if (tlsKeySha256 !== null && tlsKeySha256.length !== keyHashBytes) {
    throw fault('tlsKeySha256', `${keyHashBytes} bytes or null`, String(tlsKeySha256.length));
  }
  return { kind: 'web', nonce, tlsKeySha256 };
}

function bytesOf(value: JsonValue | undefined, name: string): Uint8Array | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' && value.length % 2 === 0 && !/[^0-9a-fA-F]/.test(value)) return parseHex(value);
  throw fault(name, 'hex text or null', describeJson(value));
}

function requireKeys(request: JsonObject, known: readonly string[]): void {
  for (const key of request.keys()) {
    if (!known.includes(key)) throw fault('keys', known.join(', '), JSON.stringify(key.slice(0, 40)));
  }
}

function fault(what: string, bound: string, seen: string): ParseError<SupervisorNsmErrorCode> {
  return new ParseError('NSM_DOCUMENT_REQUEST', `document request: ${what} must be ${bound}, got ${seen}`);
}

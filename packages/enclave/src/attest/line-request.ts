// One line of the NSM protocol in, what it asks for out (docs/wire/nsm-lines.md). Two forms: a JSON object, or words. Never throws:
// whatever is wrong with a line is an answer, because a bad line must not cost the caller his process.
import { parseHex } from '@caisson/core/bytes';
import { isJsonObject, type JsonObject, type JsonValue, parseStrictJson } from '@caisson/core/config';
import { isReservedUserData } from '@caisson/core/nitro';

export type LineForm = 'json' | 'legacy';

/** A document wanted; an optional field that is absent or empty becomes CBOR null. */
export interface DocumentWanted {
  readonly kind: 'document';
  readonly publicKey: Uint8Array;
  readonly nonce: Uint8Array | undefined;
  readonly userData: Uint8Array | undefined;
}

export type LineWish =
  | DocumentWanted
  | { readonly kind: 'random' }
  /** Not understood or not allowed: the error word to answer with. */
  | { readonly kind: 'refused'; readonly error: string };

export interface LineRequest {
  readonly form: LineForm;
  /** As it goes into the answer: empty (JSON) or `0` (legacy) when the line had none that may be repeated. */
  readonly id: string;
  readonly wish: LineWish;
}

// Given: argonaut's protocol.
const maxFieldBytes = 2048;
const idForm = /^[A-Za-z0-9._:-]{1,64}$/;
const requestKeys = ['id', 'method', 'publicKey', 'nonce', 'userData'];
// White space as Go's unicode.IsSpace has it, which is not what \s is: with U+0085, without U+FEFF.
const space = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const outerSpace = new RegExp(`^${space}+|${space}+$`, 'g');
const innerSpace = new RegExp(`${space}+`);

const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** `line` without its newline. */
export function parseLineRequest(line: Uint8Array): LineRequest {
  const text = lenient.decode(line).replace(outerSpace, '');
  if (text === '') return refused('legacy', '0', 'empty_request');
  return text.startsWith('{') ? parseJsonLine(text, line) : parseWords(text.split(innerSpace));
}

/** The answer to a line that was too long to be read. */
export function refuseLongLine(json: boolean): LineRequest {
  return json ? refused('json', '', 'line_too_large') : refused('legacy', '0', 'line_too_large');
}

function parseJsonLine(text: string, line: Uint8Array): LineRequest {
  const fields = readFields(text, line);
  if (fields === undefined) return refused('json', '', 'invalid_json');
  const [id = '', method = '', publicKey = '', nonce = '', userData = ''] = fields;
  if (!idForm.test(id)) return refused('json', '', 'invalid_id');
  if (method === 'ATT') return { form: 'json', id, wish: wantDocument(publicKey, nonce, userData) };
  if (method !== 'RND') return refused('json', id, 'unknown_method');
  if (publicKey !== '' || nonce !== '' || userData !== '') return refused('json', id, 'invalid_request');
  return { form: 'json', id, wish: { kind: 'random' } };
}

/** The five fields in the order of `requestKeys`, empty where absent; undefined for anything but such an object. */
function readFields(text: string, line: Uint8Array): string[] | undefined {
  let request: JsonValue;
  try {
    // The lenient decoder has replaced what is no UTF-8; such a line is no JSON (RFC 8259 section 8.1).
    new TextDecoder('utf-8', { fatal: true }).decode(line);
    request = parseStrictJson(encoder.encode(text), { maxBytes: Number.POSITIVE_INFINITY, maxDepth: 1 });
  } catch {
    return undefined;
  }
  if (!isJsonObject(request) || [...request.keys()].some((key) => !requestKeys.includes(key))) return undefined;
  const fields = requestKeys.map((key) => readText(request, key));
  return fields.includes(undefined) ? undefined : (fields as string[]);
}

/** null stands for an absent field: callers that serialise empty values send it, and argonaut took it. */
function readText(request: JsonObject, key: string): string | undefined {
  const value = request.get(key) ?? '';
  return typeof value === 'string' ? value : undefined;
}

function parseWords(words: readonly string[]): LineRequest {
  const [id = '', method, publicKey = '', nonce = '-', userData = '-'] = words;
  if (!idForm.test(id)) return refused('legacy', '0', 'invalid_id');
  if (method === undefined) return refused('legacy', id, 'invalid_request');
  if (method === 'RND') {
    return words.length === 2
      ? { form: 'legacy', id, wish: { kind: 'random' } }
      : refused('legacy', id, 'invalid_request');
  }
  if (method !== 'ATT') return refused('legacy', id, 'unknown_method');
  if (words.length === 4 || words.length > 5) return refused('legacy', id, 'invalid_request');
  return {
    form: 'legacy',
    id,
    wish: wantDocument(publicKey, nonce === '-' ? '' : nonce, userData === '-' ? '' : userData),
  };
}

/** Checks in argonaut's order: key, nonce, user data as hex, and only then the sizes. */
function wantDocument(publicKey: string, nonce: string, userData: string): LineWish {
  if (publicKey === '') return { kind: 'refused', error: 'missing_public_key' };
  const [key, nonceBytes, userBytes] = [publicKey, nonce, userData].map(readHex);
  if (key === undefined || nonceBytes === undefined || userBytes === undefined) {
    return { kind: 'refused', error: 'invalid_hex' };
  }
  if (key.length > maxFieldBytes) return { kind: 'refused', error: 'public_key_too_large' };
  if (nonceBytes.length > maxFieldBytes) return { kind: 'refused', error: 'nonce_too_large' };
  if (userBytes.length > maxFieldBytes) return { kind: 'refused', error: 'user_data_too_large' };
  // Ours, not argonaut's: a document with this prefix would pass for the enclave's own word (docs/wire/nsm.md).
  if (isReservedUserData(userBytes)) return { kind: 'refused', error: 'reserved_user_data' };
  return {
    kind: 'document',
    publicKey: key,
    nonce: nonceBytes.length === 0 ? undefined : nonceBytes,
    userData: userBytes.length === 0 ? undefined : userBytes,
  };
}

function readHex(text: string): Uint8Array | undefined {
  try {
    return parseHex(text);
  } catch {
    return undefined;
  }
}

function refused(form: LineForm, id: string, error: string): LineRequest {
  return { form, id, wish: { kind: 'refused', error } };
}

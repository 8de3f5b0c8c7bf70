// The seven requests of the NSM, as values and as the bytes that the AWS library writes (serde's externally tagged enums):
// a request without arguments is its bare name, another is a map of one entry, name to arguments.
import type { CborValue } from '../cbor/index.ts';
import { decodeCbor, encodeCbor } from '../cbor/index.ts';
import { LimitError, ParseError } from '../errors/index.ts';
import { MAX_NSM_REQUEST_BYTES } from './constant.ts';
import type { NitroErrorCode } from './error-code.ts';
import { asBytes, asMap, asU16, type CborMap, kindOf, tagged } from './field.ts';

export type NsmRequest =
  /** One PCR's value and lock. */
  | { readonly type: 'DescribePCR'; readonly index: number }
  /** PCR = SHA-384(PCR || data); `data` is not hashed first. */
  | { readonly type: 'ExtendPCR'; readonly index: number; readonly data: Uint8Array }
  | { readonly type: 'LockPCR'; readonly index: number }
  /** Locks PCR 0 up to, not including, `range`. */
  | { readonly type: 'LockPCRs'; readonly range: number }
  | { readonly type: 'DescribeNSM' }
  /** A field of zero bytes is not a field of null: the document tells them apart. */
  | {
      readonly type: 'Attestation';
      readonly userData: Uint8Array | null;
      readonly nonce: Uint8Array | null;
      readonly publicKey: Uint8Array | null;
    }
  | { readonly type: 'GetRandom' };

export type NsmOperation = NsmRequest['type'];

/** `index` and `range` are u16. Throws TypeError for what has no form, LimitError NSM_REQUEST_TOO_LARGE beyond 4,096 bytes. */
export function encodeNsmRequest(request: NsmRequest): Uint8Array<ArrayBuffer> {
  const bytes = encodeCbor(toCbor(request));
  if (bytes.length > MAX_NSM_REQUEST_BYTES) throw tooLarge(`nsm request ${request.type}`, bytes.length);
  return bytes;
}

function toCbor(request: NsmRequest): CborValue {
  switch (request.type) {
    case 'DescribeNSM':
    case 'GetRandom':
      return request.type;
    case 'DescribePCR':
    case 'LockPCR':
      return tagged(request.type, [['index', u16(request, 'index', request.index)]]);
    case 'LockPCRs':
      return tagged(request.type, [['range', u16(request, 'range', request.range)]]);
    case 'ExtendPCR':
      return tagged(request.type, [
        ['index', u16(request, 'index', request.index)],
        ['data', request.data],
      ]);
    case 'Attestation':
      // The order of the Rust struct, which the C library keeps too.
      return tagged(request.type, [
        ['user_data', request.userData],
        ['nonce', request.nonce],
        ['public_key', request.publicKey],
      ]);
  }
}

function u16(request: NsmRequest, field: string, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff) {
    throw new TypeError(`nsm request ${request.type}: ${field} must be an integer in 0..65535, got ${value}`);
  }
  return value;
}

/**
 * For whoever plays the NSM. Strict but for the order of keys: no missing, unknown or repeated one. An index beyond 31 is
 * well-formed here, since an NSM has its own answer to it (InvalidIndex).
 * Throws LimitError NSM_REQUEST_TOO_LARGE, ParseError NSM_REQUEST_FORM (names no operation) or NSM_REQUEST_ARGUMENT (an
 * operation's arguments are wrong); `toNsmErrorName` gives the answer that belongs to each.
 */
export function parseNsmRequest(bytes: Uint8Array): NsmRequest {
  if (bytes.length > MAX_NSM_REQUEST_BYTES) throw tooLarge('nsm request', bytes.length);
  let value: CborValue;
  try {
    value = decodeCbor(bytes, { maxDepth: 3 });
  } catch (cause) {
    throw fault('NSM_REQUEST_FORM', `nsm request of ${bytes.length} bytes is not strict CBOR`, cause);
  }
  const { name, fields } = splitVariant(value);
  switch (name) {
    case 'DescribeNSM':
    case 'GetRandom':
      if (fields !== undefined) throw argument(name, 'takes no arguments', fields);
      return { type: name };
    case 'DescribePCR':
    case 'LockPCR':
      return { type: name, index: numberField(readFields(name, fields, ['index']), name, 'index') };
    case 'LockPCRs':
      return { type: name, range: numberField(readFields(name, fields, ['range']), name, 'range') };
    case 'ExtendPCR': {
      const map = readFields(name, fields, ['index', 'data']);
      const data = asBytes(map.get('data'));
      if (data === undefined) throw argument(name, 'data must be bytes', map.get('data'));
      return { type: name, index: numberField(map, name, 'index'), data };
    }
    case 'Attestation': {
      const map = readFields(name, fields, ['user_data', 'nonce', 'public_key']);
      return {
        type: name,
        userData: optionalBytes(map, 'user_data'),
        nonce: optionalBytes(map, 'nonce'),
        publicKey: optionalBytes(map, 'public_key'),
      };
    }
    default:
      throw fault('NSM_REQUEST_FORM', `nsm request names no known operation, got ${JSON.stringify(name.slice(0, 32))}`);
  }
}

/** `fields` is undefined for a bare name. */
function splitVariant(value: CborValue): { readonly name: string; readonly fields: CborValue | undefined } {
  if (typeof value === 'string') return { name: value, fields: undefined };
  const [entry, ...others] = asMap(value)?.entries() ?? [];
  if (entry === undefined || others.length > 0 || typeof entry[0] !== 'string') {
    throw fault('NSM_REQUEST_FORM', `nsm request must be a name or a map of one name, got ${kindOf(value)}`);
  }
  return { name: entry[0], fields: entry[1] };
}

function readFields(name: NsmOperation, value: CborValue | undefined, names: readonly string[]): CborMap {
  const map = asMap(value);
  if (map === undefined) throw argument(name, `arguments must be a map of ${names.join(', ')}`, value);
  for (const key of map.keys()) {
    if (typeof key !== 'string' || !names.includes(key))
      throw argument(name, `has only the keys ${names.join(', ')}`, key);
  }
  const missing = names.find((one) => !map.has(one));
  if (missing !== undefined) throw argument(name, `${missing} must be there`, undefined);
  return map;
}

function numberField(map: CborMap, name: NsmOperation, field: string): number {
  const value = asU16(map.get(field));
  if (value === undefined) throw argument(name, `${field} must be an integer in 0..65535`, map.get(field));
  return value;
}

function optionalBytes(map: CborMap, field: string): Uint8Array | null {
  const value = map.get(field);
  const bytes = value === null ? null : asBytes(value);
  if (bytes === undefined) throw argument('Attestation', `${field} must be bytes or null`, value);
  return bytes;
}

function argument(name: NsmOperation, rule: string, observed: CborValue | undefined): ParseError<NitroErrorCode> {
  return fault('NSM_REQUEST_ARGUMENT', `nsm request ${name}: ${rule}, got ${kindOf(observed)}`);
}

function fault(code: NitroErrorCode, message: string, cause?: unknown): ParseError<NitroErrorCode> {
  return new ParseError(code, message, cause === undefined ? {} : { cause });
}

function tooLarge(what: string, length: number): LimitError<NitroErrorCode> {
  return new LimitError(
    'NSM_REQUEST_TOO_LARGE',
    `${what} must have at most ${MAX_NSM_REQUEST_BYTES} bytes, got ${length}`,
  );
}

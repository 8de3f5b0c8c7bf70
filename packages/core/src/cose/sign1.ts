// COSE_Sign1 (RFC 9052 section 4.2) as attestation documents use it: one algorithm, named in the protected header and nowhere
// else; no other header, but the key's id where the reader asks for one; the payload inside. What is signed is kept as received and never re-encoded.
import { toUtf8 } from '../bytes/index.ts';
import { CborTag, type CborValue, decodeCbor, encodeCbor } from '../cbor/index.ts';
import { ParseError } from '../errors/index.ts';
import type { CoseErrorCode } from './error-code.ts';

export interface CoseSign1 {
  /** Content of the first byte string: the encoded protected header. */
  readonly protectedHeader: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** Who says that he signed; there exactly when the rules ask for it. */
  readonly keyId?: Uint8Array;
}

export interface CoseSign1Rules {
  /** The only algorithm that is accepted, a number of COSE_ALGORITHM. */
  readonly algorithm: number;
  readonly signatureBytes: number;
  /** The protected header must have a key id of this length; absent: must have none. */
  readonly keyIdBytes?: number;
  readonly maxPayloadBytes: number;
  /** Of the whole message. */
  readonly maxBytes: number;
}

// Given: RFC 9052 sections 4.2 and 3.1, RFC 9053 sections 2.1 and 2.2.
const coseSign1Tag = 18;
const algorithmLabel = 1;
const keyIdLabel = 4;
export const COSE_ALGORITHM = { es384: -35, edDsa: -8 } as const;

/** Untagged, as hardware writes it, unless `isTagged`. */
export function encodeCoseSign1(message: CoseSign1, isTagged = false): Uint8Array {
  const array = [message.protectedHeader, new Map(), message.payload, message.signature];
  return encodeCbor(isTagged ? new CborTag(coseSign1Tag, array) : array);
}

/** The content of the protected header's byte string: {1: algorithm} or {1: algorithm, 4: key id}. */
export function encodeProtectedHeader(algorithm: number, keyId?: Uint8Array): Uint8Array {
  const header = new Map<number, CborValue>([[algorithmLabel, algorithm]]);
  if (keyId !== undefined) header.set(keyIdLabel, keyId);
  return encodeCbor(header);
}

/** The bytes a signature is over (RFC 9052 section 4.4), without external data. */
export function encodeSigStructure({
  protectedHeader,
  payload,
}: Pick<CoseSign1, 'protectedHeader' | 'payload'>): Uint8Array {
  return encodeCbor(['Signature1', protectedHeader, toUtf8(''), payload]);
}

/**
 * Throws ParseError COSE_FORM, COSE_PROTECTED, COSE_UNPROTECTED, COSE_PAYLOAD, COSE_SIGNATURE, or an error of the CBOR room.
 * Nothing is verified.
 */
export function parseCoseSign1(bytes: Uint8Array, rules: CoseSign1Rules): CoseSign1 {
  const decoded = decodeCbor(bytes, { tags: [coseSign1Tag], maxBytes: rules.maxBytes });
  const array = decoded instanceof CborTag ? decoded.value : decoded;
  if (!isArray(array) || array.length !== 4) {
    const got = isArray(array) ? `an array of ${array.length}` : kindOf(array);
    throw fault('COSE_FORM', `COSE_Sign1 must be an array of 4, got ${got}`);
  }
  const [protectedHeader, unprotected, payload, signature] = array as readonly [
    CborValue,
    CborValue,
    CborValue,
    CborValue,
  ];
  requireUnprotectedEmpty(unprotected);
  return {
    ...protectedWith(rules, protectedHeader),
    payload: bytesOf('COSE_PAYLOAD', 'payload', payload, 1, rules.maxPayloadBytes),
    signature: bytesOf('COSE_SIGNATURE', 'signature', signature, rules.signatureBytes, rules.signatureBytes),
  };
}

function protectedWith(
  { algorithm, keyIdBytes }: CoseSign1Rules,
  header: CborValue,
): Pick<CoseSign1, 'protectedHeader' | 'keyId'> {
  const protectedHeader = bytesOf('COSE_PROTECTED', 'protected header', header, 1, 64);
  const map = decodeCbor(protectedHeader, { maxBytes: 64 });
  const size = keyIdBytes === undefined ? 1 : 2;
  // The algorithm is the verifier's choice: a message that may name its own can name a weaker one (RFC 9052 section 12.4).
  if (!(map instanceof Map) || map.size !== size || map.get(algorithmLabel) !== algorithm) {
    const keyId = keyIdBytes === undefined ? '' : `, ${keyIdLabel}: key id`;
    throw fault(
      'COSE_PROTECTED',
      `COSE_Sign1 protected header must be {1: ${algorithm}${keyId}} and nothing else, got ${kindOf(map)}`,
    );
  }
  if (keyIdBytes === undefined) return { protectedHeader };
  const keyId: CborValue = map.get(keyIdLabel) ?? null;
  return { protectedHeader, keyId: bytesOf('COSE_PROTECTED', 'key id', keyId, keyIdBytes, keyIdBytes) };
}

function requireUnprotectedEmpty(header: CborValue): void {
  // Not covered by the signature: whatever stood here, anyone could have put there.
  if (!(header instanceof Map) || header.size !== 0) {
    throw fault('COSE_UNPROTECTED', `COSE_Sign1 unprotected header must be an empty map, got ${kindOf(header)}`);
  }
}

function bytesOf(code: CoseErrorCode, name: string, value: CborValue, min: number, max: number): Uint8Array {
  if (value instanceof Uint8Array && value.length >= min && value.length <= max) return value;
  const bound = min === max ? `${min}` : `${min}..${max}`;
  throw fault(code, `COSE_Sign1 ${name} must be a byte string of ${bound} bytes, got ${kindOf(value)}`);
}

function isArray(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}

function kindOf(value: CborValue): string {
  if (value === null) return 'null';
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof Map) return `a map of ${value.size}`;
  if (value instanceof CborTag) return `tag ${value.tag}`;
  return isArray(value) ? `an array of ${value.length}` : typeof value;
}

function fault(code: CoseErrorCode, message: string): ParseError<CoseErrorCode> {
  return new ParseError(code, message);
}

// The payload's bytes to its fields, under the rules of AWS's attestation process as hardware keeps them: every mandatory field
// there and of its type and range, null or absence for the three optional ones. Fields nobody knows yet are named, not refused:
// the signature covers them, and a verifier must not break the day AWS adds one.
import { type CborKey, type CborValue, decodeCbor } from '../cbor/index.ts';
import { ParseError } from '../errors/index.ts';
import type { AttestationErrorCode } from './error-code.ts';
import {
  maxCertificateBytes,
  maxNonceBytes,
  maxPayloadBytes,
  maxPcrs,
  maxPublicKeyBytes,
  maxUserDataBytes,
  pcrBytes,
} from './limit.ts';
import type { AttestationPayload } from './payload.ts';

export interface ParsedPayload extends AttestationPayload {
  /** Keys beyond the nine of today, in order. */
  readonly unknownFields: readonly string[];
}

const known = new Set([
  'module_id',
  'digest',
  'timestamp',
  'pcrs',
  'certificate',
  'cabundle',
  'public_key',
  'user_data',
  'nonce',
]);
// Names that turn into something else when a reader puts fields into a plain object.
const poisonous = new Set(['__proto__', 'constructor', 'prototype']);

/** Throws ParseError ATTESTATION_PAYLOAD or ATTESTATION_FIELD, or an error of the CBOR room. Nothing is verified. */
export function parseAttestationPayload(bytes: Uint8Array): ParsedPayload {
  const map = decodeCbor(bytes, { allowIndefiniteMap: true, maxBytes: maxPayloadBytes });
  if (!(map instanceof Map)) throw fault('ATTESTATION_PAYLOAD', 'attestation payload must be a map, got another type');
  const fields: ReadonlyMap<CborKey, CborValue> = map;
  const unknownFields = unknownOf(fields);
  const moduleId = fields.get('module_id');
  if (typeof moduleId !== 'string' || moduleId === '') throw wrong('module_id', 'non-empty text', moduleId);
  const digest = fields.get('digest');
  if (digest !== 'SHA384') throw wrong('digest', '"SHA384"', digest);
  const timestamp = fields.get('timestamp');
  if (typeof timestamp !== 'number' || timestamp <= 0) throw wrong('timestamp', 'an integer in 1..2^53-1', timestamp);
  return {
    moduleId,
    digest,
    timestamp,
    pcrs: pcrsOf(fields.get('pcrs')),
    certificate: bytesOf('certificate', fields.get('certificate'), 1, maxCertificateBytes),
    cabundle: cabundleOf(fields.get('cabundle')),
    publicKey: optionalBytesOf('public_key', fields.get('public_key'), 1, maxPublicKeyBytes),
    userData: optionalBytesOf('user_data', fields.get('user_data'), 0, maxUserDataBytes),
    nonce: optionalBytesOf('nonce', fields.get('nonce'), 0, maxNonceBytes),
    unknownFields,
  };
}

function unknownOf(fields: ReadonlyMap<CborKey, CborValue>): string[] {
  const unknown: string[] = [];
  for (const key of fields.keys()) {
    if (typeof key !== 'string')
      throw fault('ATTESTATION_PAYLOAD', `attestation payload keys must be text, got ${kindOf(key)}`);
    if (poisonous.has(key)) throw fault('ATTESTATION_PAYLOAD', `attestation payload must have no key ${key}`);
    if (!known.has(key)) unknown.push(key);
  }
  return unknown;
}

function pcrsOf(value: CborValue | undefined): Map<number, Uint8Array> {
  if (!(value instanceof Map) || value.size === 0 || value.size > maxPcrs)
    throw wrong('pcrs', `a map of 1..${maxPcrs}`, value);
  const pcrs = new Map<number, Uint8Array>();
  for (const [index, pcr] of value as ReadonlyMap<CborKey, CborValue>) {
    if (typeof index !== 'number' || index < 0 || index >= maxPcrs) {
      throw wrong('pcrs', `keyed by integers in 0..${maxPcrs - 1}`, index);
    }
    pcrs.set(index, bytesOf(`pcrs[${index}]`, pcr, pcrBytes, pcrBytes));
  }
  return pcrs;
}

function cabundleOf(value: CborValue | undefined): Uint8Array[] {
  if (!Array.isArray(value) || value.length === 0) throw wrong('cabundle', 'a non-empty array', value);
  return value.map((entry: CborValue, index) => bytesOf(`cabundle[${index}]`, entry, 1, maxCertificateBytes));
}

function optionalBytesOf(name: string, value: CborValue | undefined, min: number, max: number): Uint8Array | undefined {
  // Hardware writes null for what was not asked for, although AWS's text says no field can be null.
  return value === null || value === undefined ? undefined : bytesOf(name, value, min, max);
}

function bytesOf(name: string, value: CborValue | undefined, min: number, max: number): Uint8Array {
  if (value instanceof Uint8Array && value.length >= min && value.length <= max) return value;
  throw wrong(name, `${min === max ? min : `${min}..${max}`} bytes`, value);
}

function wrong(name: string, bound: string, value: CborValue | undefined): ParseError<AttestationErrorCode> {
  return fault('ATTESTATION_FIELD', `attestation ${name} must be ${bound}, got ${kindOf(value)}`);
}

function kindOf(value: CborValue | undefined): string {
  if (value === undefined) return 'none';
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof Map) return `a map of ${value.size}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  // An integer is safe to show; text is the sender's and only its length is.
  if (typeof value === 'string') return `text of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'a tag' : String(value);
}

function fault(code: AttestationErrorCode, message: string): ParseError<AttestationErrorCode> {
  return new ParseError(code, message);
}

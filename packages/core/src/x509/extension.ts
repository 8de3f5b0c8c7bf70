// The certificate extensions that decide about a Nitro chain: basicConstraints and keyUsage (RFC 5280 4.2.1.9, 4.2.1.3), plus
// the key identifiers that hardware writes into some of its certificates. Anything else is kept by OID and criticality.

import {
  contextPrimitive,
  DER_TAG,
  DerCursor,
  derBitString,
  derBoolean,
  derElement,
  derOctets,
  derOid,
  derSequence,
  derUnsigned,
  openDer,
} from '../der/index.ts';
import { ParseError } from '../errors/index.ts';
import type { X509ErrorCode } from './error-code.ts';
import { OID } from './oid.ts';

export interface BasicConstraints {
  readonly isCritical: boolean;
  readonly isCa: boolean;
  /** How many more CA certificates may follow; undefined: no limit. */
  readonly pathLength: number | undefined;
}

/** Bit numbers of RFC 5280 4.2.1.3. */
export const KEY_USAGE = { digitalSignature: 0, nonRepudiation: 1, keyCertSign: 5, cRLSign: 6 } as const;
const keyUsageBits = 9;

export interface KeyUsage {
  readonly isCritical: boolean;
  /** The bit numbers that are set, ascending. */
  readonly bits: readonly number[];
}

export interface Extension {
  readonly oid: string;
  readonly isCritical: boolean;
  /** Content of extnValue's OCTET STRING. */
  readonly value: Uint8Array;
}

/** The content of `[3] EXPLICIT Extensions`. Refuses an extension that stands twice: two readers could take different ones. */
export function parseExtensions(bytes: Uint8Array): Extension[] {
  const found: Extension[] = [];
  const list = openDer(bytes, DER_TAG.sequence, 'certificate extensions');
  do {
    const one = list.enter(DER_TAG.sequence, 'entry');
    const oid = one.takeOid('extnID');
    const isCritical = one.isAt(DER_TAG.boolean) && takeCritical(one, oid);
    const value = one.takeOctets('extnValue');
    one.end();
    if (found.some((other) => other.oid === oid))
      throw fault(`certificate extension ${oid} must stand once, got it twice`);
    found.push({ oid, isCritical, value });
  } while (!list.isAtEnd);
  return found;
}

function takeCritical(extension: DerCursor, oid: string): boolean {
  // X.690 11.5: a default value (FALSE) is left out.
  if (extension.takeBoolean('critical')) return true;
  throw fault(`certificate extension ${oid} must leave out critical when it is FALSE`);
}

export function parseBasicConstraints({ value, isCritical }: Extension): BasicConstraints {
  const fields = openDer(value, DER_TAG.sequence, 'basicConstraints');
  const isCa = fields.isAt(DER_TAG.boolean) && fields.takeBoolean('cA');
  const pathLength = fields.isAt(DER_TAG.integer) ? fields.takeSmallInteger('pathLenConstraint', 255) : undefined;
  fields.end();
  // RFC 5280 4.2.1.9: a path length without cA means nothing and must not be there.
  if (!isCa && pathLength !== undefined)
    throw fault(`basicConstraints must have no pathLenConstraint without cA, got ${pathLength}`);
  return { isCritical, isCa, pathLength };
}

export function parseKeyUsage({ value, isCritical }: Extension): KeyUsage {
  const cursor = new DerCursor(value, 'keyUsage');
  const { bytes, unusedBits } = cursor.takeBitString('bits');
  cursor.end();
  const count = bytes.length * 8 - unusedBits;
  if (count > keyUsageBits) throw fault(`keyUsage must have at most ${keyUsageBits} bits, got ${count}`);
  const bits = Array.from({ length: count }, (_, bit) => bit).filter(
    (bit) => (bytes[bit >> 3]! & (0x80 >> (bit & 7))) !== 0,
  );
  // RFC 5280 4.2.1.3: at least one bit is set.
  if (bits.length === 0) throw fault('keyUsage must have at least one bit set, got none');
  return { isCritical, bits };
}

/** `pathLength` undefined: no limit (for a CA), nothing (for a leaf). */
export function encodeBasicConstraints(isCa: boolean, pathLength?: number): Uint8Array<ArrayBuffer> {
  // X.690 11.5: cA FALSE is the default and left out, so a leaf has an empty SEQUENCE as hardware's has.
  const fields = isCa ? [derBoolean(true), ...(pathLength === undefined ? [] : [derUnsigned(pathLength)])] : [];
  return encodeExtension(OID.basicConstraints, true, derSequence(...fields));
}

export function encodeKeyUsage(bits: readonly number[], isCritical: boolean): Uint8Array<ArrayBuffer> {
  const highest = Math.max(...bits);
  const bytes = new Uint8Array((highest >> 3) + 1);
  for (const bit of bits) bytes[bit >> 3]! |= 0x80 >> (bit & 7);
  // X.690 11.2.2: a named bit list ends with its last one bit.
  return encodeExtension(OID.keyUsage, isCritical, derBitString(bytes, 7 - (highest & 7)));
}

export function encodeSubjectKeyIdentifier(identifier: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeExtension(OID.subjectKeyIdentifier, false, derOctets(identifier));
}

export function encodeAuthorityKeyIdentifier(identifier: Uint8Array): Uint8Array<ArrayBuffer> {
  const value = derSequence(derElement(contextPrimitive(0), identifier));
  return encodeExtension(OID.authorityKeyIdentifier, false, value);
}

function encodeExtension(oid: string, isCritical: boolean, value: Uint8Array): Uint8Array<ArrayBuffer> {
  return derSequence(derOid(oid), ...(isCritical ? [derBoolean(true)] : []), derOctets(value));
}

function fault(message: string): ParseError<X509ErrorCode> {
  return new ParseError('X509_EXTENSION', message);
}

// Writes DER. Each function returns one whole element; what it takes is a programmer's, so faults are TypeErrors.
import { concatBytes, toUtf8 } from '../bytes/index.ts';
import { contextConstructed, DER_TAG } from './tag.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** One element: tag, shortest length, the parts as content. */
export function derElement(tag: number, ...parts: readonly Uint8Array[]): Bytes {
  const content = concatBytes(...parts);
  return concatBytes(Uint8Array.of(tag, ...lengthOctets(content.length)), content);
}

export function derSequence(...items: readonly Uint8Array[]): Bytes {
  return derElement(DER_TAG.sequence, ...items);
}

/** SET OF: items sorted as X.690 11.6 demands. */
export function derSet(...items: readonly Uint8Array[]): Bytes {
  return derElement(DER_TAG.set, ...[...items].sort(compareOctets));
}

/** `[number] EXPLICIT`. */
export function derExplicit(number: number, ...items: readonly Uint8Array[]): Bytes {
  return derElement(contextConstructed(number), ...items);
}

/** A non-negative INTEGER from its big-endian magnitude or a safe integer. */
export function derUnsigned(value: Uint8Array | number): Bytes {
  const magnitude = typeof value === 'number' ? magnitudeOf(value) : value;
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start += 1;
  const shortest = magnitude.subarray(start);
  const needsZero = shortest.length === 0 || shortest[0]! >= 0x80;
  return derElement(DER_TAG.integer, needsZero ? Uint8Array.of(0) : new Uint8Array(0), shortest);
}

export function derBoolean(value: boolean): Bytes {
  return derElement(DER_TAG.boolean, Uint8Array.of(value ? 0xff : 0));
}

export function derOctets(bytes: Uint8Array): Bytes {
  return derElement(DER_TAG.octetString, bytes);
}

export function derBitString(bytes: Uint8Array, unusedBits = 0): Bytes {
  return derElement(DER_TAG.bitString, Uint8Array.of(unusedBits), bytes);
}

export function derUtf8(text: string): Bytes {
  return derElement(DER_TAG.utf8String, toUtf8(text));
}

export function derPrintable(text: string): Bytes {
  if (!/^[A-Za-z0-9 '()+,./:=?-]*$/.test(text))
    throw new TypeError(`PrintableString cannot hold ${JSON.stringify(text)}`);
  return derElement(DER_TAG.printableString, toUtf8(text));
}

/** From dotted decimal, arcs below 2^31. */
export function derOid(dotted: string): Bytes {
  const arcs = dotted.split('.').map(Number);
  const [root = -1, second = -1, ...rest] = arcs;
  const isWrong = arcs.some((arc) => !Number.isInteger(arc) || arc < 0 || arc > 0x7fffffff);
  if (isWrong || root > 2 || second < 0 || (root < 2 && second > 39)) {
    throw new TypeError(`object identifier must be dotted decimal, got ${JSON.stringify(dotted)}`);
  }
  return derElement(DER_TAG.oid, Uint8Array.from([root * 40 + second, ...rest].flatMap(base128)));
}

/** RFC 5280 4.1.2.5: UTCTime up to 2049, GeneralizedTime from 2050. `unixSeconds` is an integer from 1950 on. */
export function derTime(unixSeconds: number): Bytes {
  const date = new Date(unixSeconds * 1000);
  const year = date.getUTCFullYear();
  if (!Number.isInteger(unixSeconds) || !(year >= 1950 && year <= 9999)) {
    throw new TypeError(`certificate time must be whole seconds in the years 1950..9999, got ${unixSeconds}`);
  }
  const digits = date.toISOString().replace(/\D/g, '').slice(0, 14);
  return year < 2050
    ? derElement(DER_TAG.utcTime, toUtf8(`${digits.slice(2)}Z`))
    : derElement(DER_TAG.generalizedTime, toUtf8(`${digits}Z`));
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octets = [...magnitudeOf(length)];
  return [0x80 | octets.length, ...octets];
}

function magnitudeOf(value: number): Bytes {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new TypeError(`INTEGER must be a non-negative safe integer, got ${value}`);
  const octets: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.from(octets);
}

function base128(arc: number): number[] {
  const octets = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) octets.unshift(0x80 | (rest % 128));
  return octets;
}

function compareOctets(left: Uint8Array, right: Uint8Array): number {
  const count = Math.min(left.length, right.length);
  for (let index = 0; index < count; index += 1) {
    const difference = left[index]! - right[index]!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

// The numbers of a header: octal digits, or, where those have no room, GNU's base 256. A number that readers would take for
// different ones (a sign, digits after a blank, another base) is refused.
import { LimitError, ParseError } from '../errors/index.ts';
import type { TarErrorCode } from './error-code.ts';

const [blank, zero] = [0x20, 0x30];

/** `field` as it stands in the header; `what` names it with its place. Throws ParseError TAR_NUMBER, LimitError TAR_LIMIT. */
export function parseNumber(field: Uint8Array, what: string, max: number): number {
  if (field[0]! >= 0x80) return bounded(base256(field, what), what, max);
  let [at, value] = [0, 0];
  while (field[at] === blank) at += 1;
  // Twelve digits at most, which is less than 2^53.
  for (; isDigit(field[at]); at += 1) value = value * 8 + field[at]! - zero;
  while (field[at] === blank || field[at] === 0) at += 1;
  if (at < field.length) {
    throw fault(`${what} must be octal digits, got ${JSON.stringify(String.fromCharCode(...field))}`);
  }
  if (value > max) throw tooLarge(what, max, value);
  return value;
}

/** Decimal digits, as pax writes them. */
export function parseDecimal(text: string, what: string, max: number): number {
  if (!/^[0-9]{1,24}$/.test(text))
    throw fault(`${what} must be decimal digits, got ${JSON.stringify(text.slice(0, 40))}`);
  return bounded(BigInt(text), what, max);
}

/** Seconds since 1970 with a sign and a fraction, as pax writes them; the fraction is dropped. */
export function parseSeconds(text: string, what: string): number {
  const whole = /^(-?[0-9]{1,15})(?:\.[0-9]*)?$/.exec(text)?.[1];
  if (whole === undefined) throw fault(`${what} must be decimal seconds, got ${JSON.stringify(text.slice(0, 40))}`);
  return Number(whole);
}

/** A time may lie before 1970, in GNU's form as a two's complement. */
export function parseTime(field: Uint8Array, what: string): number {
  if (field[0] !== 0xff) return parseNumber(field, what, Number.MAX_SAFE_INTEGER);
  const value = BigInt.asIntN(field.length * 8, bigEndian(field));
  if (value < BigInt(Number.MIN_SAFE_INTEGER)) throw fault(`${what} must be at least -2^53, got ${value}`);
  return Number(value);
}

function base256(field: Uint8Array, what: string): bigint {
  if ((field[0]! & 0x40) !== 0)
    throw fault(`${what} must not be negative, got base 256 that begins 0x${field[0]!.toString(16)}`);
  const positive = field.slice();
  positive[0]! &= 0x7f;
  return bigEndian(positive);
}

function bigEndian(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= zero && byte < zero + 8;
}

function bounded(value: bigint, what: string, max: number): number {
  if (value <= BigInt(max)) return Number(value);
  throw tooLarge(what, max, value);
}

function tooLarge(what: string, max: number, value: number | bigint): LimitError<TarErrorCode> {
  return new LimitError('TAR_LIMIT', `${what} must be at most ${max}, got ${value}`);
}

function fault(message: string): ParseError<TarErrorCode> {
  return new ParseError('TAR_NUMBER', message);
}

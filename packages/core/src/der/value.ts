// Content octets of DER's primitive types to values, each in its one allowed form (X.690 sections 8 and 11).
// `what` is the object's name in messages.
import { ParseError } from '../errors/index.ts';
import type { DerErrorCode } from './error-code.ts';
import { DER_TAG } from './tag.ts';

/** Magnitude of a positive or zero INTEGER, leading zero octet removed (zero is one zero octet). */
export function parseUnsigned(content: Uint8Array, what: string, maxBytes: number): Uint8Array {
  const [first, second] = content;
  if (first === undefined) throw fault(`${what} must have at least 1 octet, got 0`);
  if (first >= 0x80) throw fault(`${what} must not be negative, got first octet 0x${first.toString(16)}`);
  // X.690 8.3.2: the first nine bits are not all zero.
  if (first === 0 && second !== undefined && second < 0x80)
    throw fault(`${what} must have its shortest form, got a leading 00`);
  const magnitude = first === 0 && content.length > 1 ? content.subarray(1) : content;
  if (magnitude.length > maxBytes) throw fault(`${what} must have at most ${maxBytes} bytes, got ${magnitude.length}`);
  return magnitude;
}

export function parseSmallInteger(content: Uint8Array, what: string, max: number): number {
  let value = 0;
  for (const octet of parseUnsigned(content, what, 4)) value = value * 256 + octet;
  if (value > max) throw fault(`${what} must be at most ${max}, got ${value}`);
  return value;
}

export function parseBoolean(content: Uint8Array, what: string): boolean {
  const [octet] = content;
  // X.690 11.1: true is FF and nothing else.
  if (content.length !== 1 || (octet !== 0 && octet !== 0xff)) {
    throw fault(`${what} must be one octet 00 or ff, got ${content.length} octets`);
  }
  return octet === 0xff;
}

export function parseBitString(content: Uint8Array, what: string): { bytes: Uint8Array; unusedBits: number } {
  const unusedBits = content[0];
  const bytes = content.subarray(1);
  if (unusedBits === undefined || unusedBits > 7 || (bytes.length === 0 && unusedBits > 0)) {
    throw fault(`${what} must have 0..7 unused bits in its last octet, got ${unusedBits ?? 'no octet'}`);
  }
  // X.690 11.2.1: unused bits are zero.
  const last = bytes[bytes.length - 1] ?? 0;
  if ((last & ((1 << unusedBits) - 1)) !== 0) throw fault(`${what} must have its ${unusedBits} unused bits zero`);
  return { bytes, unusedBits };
}

export function parseOid(content: Uint8Array, what: string): string {
  const arcs: number[] = [];
  let arc = 0;
  let isInside = false;
  for (const octet of content) {
    if (!isInside && octet === 0x80) throw fault(`${what} must have arcs in their shortest form, got a leading 80`);
    if (arc > 0xffffff) throw fault(`${what} must have arcs below 2^31`);
    arc = arc * 128 + (octet & 0x7f);
    isInside = octet >= 0x80;
    if (!isInside) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first] = arcs;
  if (first === undefined || isInside)
    throw fault(`${what} must end with a complete arc, got ${content.length} octets`);
  // X.690 8.19.4: the first subidentifier packs two arcs as 40 * X + Y, X in 0..2.
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...arcs.slice(1)].join('.');
}

/** RFC 5280 4.1.2.5: seconds and Z always there, no fraction; UTCTime for years to 2049, GeneralizedTime after. */
export function parseTime(element: { readonly tag: number; readonly content: Uint8Array }, what: string): number {
  const text = String.fromCharCode(...element.content.subarray(0, 20));
  const isUtc = element.tag === DER_TAG.utcTime;
  if (!isUtc && element.tag !== DER_TAG.generalizedTime) {
    throw fault(`${what} must be a UTCTime or GeneralizedTime, got tag 0x${element.tag.toString(16)}`);
  }
  const form = isUtc ? /^\d{12}Z$/ : /^\d{14}Z$/;
  if (!form.test(text) || element.content.length > 20) {
    throw fault(`${what} must read ${isUtc ? 'YYMMDDHHMMSSZ' : 'YYYYMMDDHHMMSSZ'}, got ${JSON.stringify(text)}`);
  }
  const short = Number(text.slice(0, 2));
  const year = isUtc ? short + (short >= 50 ? 1900 : 2000) : Number(text.slice(0, 4));
  if (!isUtc && year < 2050) throw fault(`${what} must be a UTCTime for a year before 2050, got ${year}`);
  const [month, day, hour, minute, second] = text
    .slice(isUtc ? 2 : 4)
    .match(/\d\d/g)!
    .map(Number) as Fields;
  const time = Date.UTC(year, month - 1, day, hour, minute, second);
  // Date.UTC rolls 30 February over; a time that does not read back is none.
  const readBack = new Date(time).toISOString().replace(/\D/g, '').slice(0, 14);
  const digits = isUtc ? `${year}${text.slice(2, 12)}` : text.slice(0, 14);
  if (readBack !== digits) throw fault(`${what} must be a time of the calendar, got ${JSON.stringify(text)}`);
  return time / 1000;
}

type Fields = [number, number, number, number, number];

function fault(message: string): ParseError<DerErrorCode> {
  return new ParseError('DER_VALUE', message);
}

// Which addresses hand out the credentials of the instance: IMDS and the container credential services of AWS. A bridge
// that dials one for its peer gives that peer the parent's role. Normalised first, compared as bytes afterwards, because
// an IPv4 address has a dozen disguises in IPv6 and a network may translate any of them back.
import { equalBytes } from '@caisson/core/bytes';
import { ipBytesOf } from './ip-bytes.ts';

// Given: IMDS (EC2 User Guide, instance metadata), ECS task role endpoint, EKS Pod Identity agent.
const metadataAddresses: readonly Uint8Array[] = [
  '169.254.169.254',
  'fd00:ec2::254',
  '169.254.170.2',
  '169.254.170.23',
  'fd00:ec2::23',
].map((text) => ipBytesOf(text) as Uint8Array);

/** True for a numeric address, in any spelling, that is or carries one of these; false for names. Never throws. */
export function isMetadataAddress(text: string): boolean {
  const bytes = ipBytesOf(text);
  if (bytes === undefined) return false;
  const meant = bytes.length === 16 ? [bytes, ...embeddedIpv4(bytes)] : [bytes];
  return meant.some((one) => metadataAddresses.some((address) => equalBytes(one, address)));
}

// Given: the prefixes under which IPv6 carries an IPv4 address, and where in the 16 bytes it stands.
const carriers: readonly { readonly prefix: string; readonly bits: number; readonly at: readonly number[] }[] = [
  // RFC 4291 2.5.5: IPv4-compatible and IPv4-mapped.
  { prefix: '::', bits: 96, at: [12, 13, 14, 15] },
  { prefix: '::ffff:0:0', bits: 96, at: [12, 13, 14, 15] },
  // RFC 2765 2.1: IPv4-translated.
  { prefix: '::ffff:0:0:0', bits: 96, at: [12, 13, 14, 15] },
  // RFC 6052 2.1: NAT64, well-known prefix.
  { prefix: '64:ff9b::', bits: 96, at: [12, 13, 14, 15] },
  // RFC 8215: NAT64, local use; RFC 6052 2.2 places the address by the length of the prefix that is really in use.
  { prefix: '64:ff9b:1::', bits: 48, at: [6, 7, 9, 10] },
  { prefix: '64:ff9b:1::', bits: 48, at: [7, 9, 10, 11] },
  { prefix: '64:ff9b:1::', bits: 48, at: [9, 10, 11, 12] },
  { prefix: '64:ff9b:1::', bits: 48, at: [12, 13, 14, 15] },
  // RFC 3056 2: 6to4.
  { prefix: '2002::', bits: 16, at: [2, 3, 4, 5] },
  // RFC 4380 4: Teredo, the server; the client stands inverted and is handled below.
  { prefix: '2001::', bits: 32, at: [4, 5, 6, 7] },
];
const teredo = { prefix: '2001::', bits: 32, at: [12, 13, 14, 15] } as const;
// RFC 5214 6.1: ISATAP interface identifiers, with the universal bit unset and set, under any prefix.
const isatapMarks: readonly (readonly number[])[] = [
  [0x00, 0x00, 0x5e, 0xfe],
  [0x02, 0x00, 0x5e, 0xfe],
];

function embeddedIpv4(bytes: Uint8Array): Uint8Array[] {
  const found = carriers.filter((carrier) => hasPrefix(bytes, carrier)).map(({ at }) => pick(bytes, at));
  if (hasPrefix(bytes, teredo)) found.push(pick(bytes, teredo.at).map((byte) => byte ^ 0xff));
  if (isatapMarks.some((mark) => mark.every((byte, index) => bytes[8 + index] === byte))) {
    found.push(bytes.slice(12));
  }
  return found;
}

function hasPrefix(bytes: Uint8Array, { prefix, bits }: { readonly prefix: string; readonly bits: number }): boolean {
  const length = bits / 8;
  return equalBytes(bytes.subarray(0, length), (ipBytesOf(prefix) as Uint8Array).subarray(0, length));
}

function pick(bytes: Uint8Array, at: readonly number[]): Uint8Array {
  return Uint8Array.from(at, (index) => bytes[index] ?? 0);
}

// The text forms `vsock:CID:PORT`, `tcp:HOST:PORT` and `unix:PATH`, parsed and written.
// Refuses anything else with the place and the bound, so that a typing error never becomes a listener somewhere else.
import { ParseError } from '../errors/index.ts';
import type { Cid, VsockPort } from './vsock.ts';
import { CID_ANY } from './vsock.ts';

export const ADDRESS_ERROR_CODES = ['ADDRESS_FORM'] as const;
export type AddressErrorCode = (typeof ADDRESS_ERROR_CODES)[number];

export interface VsockAddress {
  readonly kind: 'vsock';
  /** CID_ANY only in an address to listen on. */
  readonly cid: Cid;
  readonly port: VsockPort;
}
export interface TcpAddress {
  readonly kind: 'tcp';
  /** A name, an IPv4 literal, or an IPv6 literal without brackets. */
  readonly host: string;
  readonly port: number;
}
export interface UnixAddress {
  readonly kind: 'unix';
  readonly path: string;
}
export type Address = VsockAddress | TcpAddress | UnixAddress;

// Given: sizeof(sun_path) - 1 on Linux, unix(7).
const maxUnixPathBytes = 107;

/** Throws ParseError ADDRESS_FORM. `what` names the place in messages, for example `--listen`. */
export function parseAddress(text: string, what = 'address'): Address {
  if (text.startsWith('vsock:')) return parseVsock(text, what);
  if (text.startsWith('tcp:')) return parseTcp(text, what);
  if (text.startsWith('unix:')) return parseUnix(text, what);
  throw fault(what, `must begin with vsock:, tcp: or unix:, got ${JSON.stringify(text)}`);
}

export function formatAddress(address: Address): string {
  switch (address.kind) {
    case 'vsock':
      return `vsock:${address.cid === CID_ANY ? 'any' : address.cid}:${address.port}`;
    case 'tcp':
      return `tcp:${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
    case 'unix':
      return `unix:${address.path}`;
  }
}

function parseVsock(text: string, what: string): VsockAddress {
  const match = /^vsock:([^:]*):([^:]*)$/.exec(text);
  if (match === null) throw fault(what, `must be vsock:CID:PORT, got ${JSON.stringify(text)}`);
  const [, cidText = '', portText = ''] = match;
  const cid = cidText === 'any' ? CID_ANY : (parseNumber(cidText, 0, 0xfffffffe, `${what} cid`) as Cid);
  return { kind: 'vsock', cid, port: parseNumber(portText, 0, 0xfffffffe, `${what} port`) as VsockPort };
}

function parseTcp(text: string, what: string): TcpAddress {
  const match = /^tcp:(?:\[([0-9a-fA-F:.%a-z]+)\]|([^:[\]\s]+)):([^:]*)$/.exec(text);
  if (match === null) throw fault(what, `must be tcp:HOST:PORT, got ${JSON.stringify(text)}`);
  const [, literal, name, portText = ''] = match;
  return { kind: 'tcp', host: literal ?? name ?? '', port: parseNumber(portText, 0, 65535, `${what} port`) };
}

function parseUnix(text: string, what: string): UnixAddress {
  const path = text.slice('unix:'.length);
  const length = new TextEncoder().encode(path).length;
  if (length === 0 || path.includes('\0')) throw fault(what, `must be unix:PATH, got ${JSON.stringify(text)}`);
  if (length > maxUnixPathBytes) {
    throw fault(what, `path must have at most ${maxUnixPathBytes} bytes, got ${length}`);
  }
  return { kind: 'unix', path };
}

function parseNumber(text: string, least: number, most: number, what: string): number {
  const value = /^(?:0|[1-9][0-9]*)$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw fault(what, `must be an integer in ${least}..${most}, got ${JSON.stringify(text)}`);
  }
  return value;
}

function fault(what: string, message: string): ParseError<AddressErrorCode> {
  return new ParseError('ADDRESS_FORM', `${what} ${message}`, {
    hint: 'addresses are vsock:CID:PORT, tcp:HOST:PORT or unix:PATH; listen on vsock:any:PORT for every peer',
  });
}

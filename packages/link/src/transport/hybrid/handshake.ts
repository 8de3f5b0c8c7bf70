// What Firecracker and vhost-device-vsock say on the host side of a guest's vsock (docs/wire/hybrid.md).
// Source: firecracker docs/vsock.md, "Host-Initiated Connections".
import type { VsockPort } from '@caisson/core/address';
import { ParseError } from '@caisson/core/errors';
import type { TransportErrorCode } from '../error-code.ts';

// Chosen: `OK 4294967295\n` has 14 bytes.
/** The newline included. */
export const replyMaxBytes = 32;
export const replyPrefix = 'OK ';
const form = /^OK (0|[1-9][0-9]{0,9})$/;

/** With its newline, as it goes on the wire. */
export function formatConnect(port: VsockPort): string {
  return `CONNECT ${port}\n`;
}

/** `line` without its newline; returns the port that the far side chose. Throws ParseError TRANSPORT_PREAMBLE. */
export function parseReply(line: string): number {
  const port = Number(form.exec(line)?.[1] ?? Number.NaN);
  if (port <= 0xffffffff) return port;
  throw new ParseError<TransportErrorCode>(
    'TRANSPORT_PREAMBLE',
    `hybrid answer must be "OK PORT", got ${JSON.stringify(line.slice(0, replyMaxBytes))}`,
  );
}
